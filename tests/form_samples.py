"""What form services send, as they send it."""

from __future__ import annotations

import json
from typing import Any

TYPEFORM: dict[str, Any] = {
    "event_id": "01KAX5WJ8Q",
    "event_type": "form_response",
    "form_response": {
        "form_id": "lT4Z3j",
        "token": "a3a12ec67a1365927098a606107fac15",
        "landed_at": "2026-11-20T02:58:11Z",
        "submitted_at": "2026-11-20T03:00:00Z",
        "hidden": {"utm_source": "zalo", "chi_nhanh": "Quận 1"},
        "calculated": {"score": 9},
        "variables": [{"key": "score", "type": "number", "number": 9}],
        "definition": {
            "id": "lT4Z3j",
            "title": "Đăng ký tư vấn",
            "fields": [
                {"id": "DlXFaesGBpoF", "title": "Họ và tên của bạn là gì?", "type": "short_text", "ref": "ho-ten"},
                {"id": "SMEUb7VJz92Q", "title": "Email", "type": "email", "ref": "email"},
                {
                    "id": "nhom",
                    "title": "Liên hệ",
                    "type": "group",
                    "properties": {"fields": [{"id": "JwWggjAKtOkA", "title": "Số điện thoại", "ref": "sdt"}]},
                },
                {"id": "k6TP9oLGgHjl", "title": "Nhận tin qua", "type": "multiple_choice", "ref": "nhan-tin"},
                {"id": "RUqkXSeXBXSd", "title": "Bạn có đồng ý?", "type": "legal", "ref": "dong-y"},
                {"id": "NRsxU591jIW9", "title": "Cửa hàng nào gần bạn?", "type": "dropdown", "ref": "cua-hang"},
                {"id": "WOTdC00F8A3h", "title": "Bạn hài lòng thế nào?", "type": "opinion_scale", "ref": "diem"},
                {"id": "PNe8ZKBK8C2Q", "title": "Ngày sinh", "type": "date", "ref": "ngay-sinh"},
            ],
        },
        "answers": [
            {
                "type": "text",
                "text": "Trần Văn Ốc",
                "field": {"id": "DlXFaesGBpoF", "type": "short_text", "ref": "ho-ten"},
            },
            {
                "type": "email",
                "email": "oc@example.com",
                "field": {"id": "SMEUb7VJz92Q", "type": "email", "ref": "email"},
            },
            {"type": "phone_number", "phone_number": "+84912304556", "field": {"id": "JwWggjAKtOkA", "ref": "sdt"}},
            {
                "type": "choices",
                "choices": {"ids": ["a", "b"], "labels": ["Email", "Zalo"], "other": "Thư tay"},
                "field": {"id": "k6TP9oLGgHjl", "type": "multiple_choice", "ref": "nhan-tin"},
            },
            {"type": "boolean", "boolean": True, "field": {"id": "RUqkXSeXBXSd", "type": "legal", "ref": "dong-y"}},
            {
                "type": "choice",
                "choice": {"id": "c", "label": "Nguyễn Huệ"},
                "field": {"id": "NRsxU591jIW9", "ref": "cua-hang"},
            },
            {"type": "number", "number": 4, "field": {"id": "WOTdC00F8A3h", "type": "opinion_scale", "ref": "diem"}},
            {"type": "date", "date": "1991-08-17", "field": {"id": "PNe8ZKBK8C2Q", "type": "date", "ref": "ngay-sinh"}},
        ],
    },
}
"""Of https://www.typeform.com/developers/webhooks/example-payload/, with answers of its kinds."""

TALLY: dict[str, Any] = {
    "eventId": "a4cb511e-d513-4fa5-baee-b815d718dfd1",
    "eventType": "FORM_RESPONSE",
    "createdAt": "2026-11-20T03:00:00.000Z",
    "data": {
        "responseId": "2wgx4n",
        "submissionId": "2wgx4n",
        "respondentId": "dwQKYm",
        "formId": "VwbNEw",
        "formName": "Đăng ký bản tin",
        "createdAt": "2026-11-20T03:00:00.000Z",
        "fields": [
            {"key": "question_mVGEg3", "label": "Họ và tên", "type": "INPUT_TEXT", "value": "Lê Thị Hoà"},
            {"key": "question_nPpjVn", "label": "Email", "type": "INPUT_EMAIL", "value": "hoa@example.com"},
            {
                "key": "question_3EKz4n",
                "label": "Sở thích",
                "type": "CHECKBOXES",
                "value": ["f19bca5c", "d1dbb9d1"],
                "options": [
                    {"id": "f19bca5c", "text": "Cà phê"},
                    {"id": "d1dbb9d1", "text": "Trà sen"},
                    {"id": "c0dbb9d1", "text": "Bánh"},
                ],
            },
            {"key": "question_w4Q4Xn", "label": "Ghi chú", "type": "TEXTAREA", "value": None},
        ],
    },
}
"""Of https://tally.so/help/webhooks."""

GOOGLE: dict[str, Any] = {
    "form": {"id": "1FAIpQLSd", "title": "Đăng ký khoá học"},
    "response_id": "2_ABaOnud-1763607600000",
    "submitted_at": "2026-11-20T03:00:00.000Z",
    "email": "minh@example.com",
    "answers": [
        {"id": "1001", "title": "Họ và tên ", "value": "Phạm Minh"},
        {"id": "1002", "title": "Số điện thoại", "value": "0912 304 556"},
        {"id": "1003", "title": "Quan tâm", "value": ["Pha chế", "Rang xay"]},
        {"id": "1004", "title": "Bạn thấy thế nào?", "value": ["Tốt", None, "Rất tốt"]},
    ],
}
"""As the script in docs/channels/forms.md sends it."""

TYPEFORM_MAPPING = """\
questions: typeform
data:
  form: {id: "{form_response.form_id}", kind: contact}
  customer:
    full_name: "{Họ và tên của bạn là gì?}"
    email: "{email}"
    phone: {column: JwWggjAKtOkA}
    birthday: "{Ngày sinh}"
    consent:
      email: {column: "Nhận tin qua[Email]", to: boolean}
      sms: {column: "Nhận tin qua[SMS]", to: boolean}
  page: {utm: {source: "{hidden.utm_source}"}}
"""


def wire(document: Any) -> bytes:
    """As services write it: letters that are not English escaped, and slashes."""
    return json.dumps(document, separators=(",", ":")).replace("/", "\\/").encode()
