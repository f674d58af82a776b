"""Word lists of the demo's people: how names and places in Viet Nam are really made up.

Faker's `vi_VN` writes given names before family names and adds titles ("Quý cô Vân Mai"), and its telephone numbers
are not valid ones, so the demo composes its people from these lists. Family names are weighted as they are in the
country.
"""

from __future__ import annotations

FAMILY_NAMES: dict[str, int] = {
    "Nguyễn": 38,
    "Trần": 11,
    "Lê": 10,
    "Phạm": 7,
    "Hoàng": 4,
    "Huỳnh": 4,
    "Phan": 4,
    "Vũ": 3,
    "Võ": 3,
    "Đặng": 3,
    "Bùi": 3,
    "Đỗ": 2,
    "Hồ": 2,
    "Ngô": 2,
    "Dương": 1,
    "Lý": 1,
    "Đoàn": 1,
    "Trịnh": 1,
}
WOMEN_MIDDLE: tuple[str, ...] = (
    "Thị",
    "Thị",
    "Ngọc",
    "Thanh",
    "Thu",
    "Phương",
    "Minh",
    "Kim",
    "Bích",
    "Quỳnh",
    "Hồng",
    "Mai",
)
WOMEN_GIVEN: tuple[str, ...] = (
    *(
        "Lan",
        "Hương",
        "Linh",
        "Trang",
        "Hà",
        "Thảo",
        "Ngân",
        "Vy",
        "Anh",
        "Hạnh",
        "Nhung",
        "Yến",
        "Châu",
        "Hoa",
        "Loan",
    ),
    *(
        "Tuyết",
        "Diễm",
        "Giang",
        "Hiền",
        "Phượng",
        "Thủy",
        "Trâm",
        "Uyên",
        "Xuân",
        "Đào",
        "Như",
        "My",
        "Oanh",
        "Quyên",
        "Vân",
    ),
)
MEN_MIDDLE: tuple[str, ...] = (
    "Văn",
    "Văn",
    "Hữu",
    "Đức",
    "Minh",
    "Quốc",
    "Anh",
    "Thanh",
    "Công",
    "Xuân",
    "Gia",
    "Hoàng",
)
MEN_GIVEN: tuple[str, ...] = (
    *(
        "Hùng",
        "Dũng",
        "Tuấn",
        "Nam",
        "Long",
        "Hải",
        "Sơn",
        "Khoa",
        "Khánh",
        "Phúc",
        "Bình",
        "Cường",
        "Đạt",
        "Hiếu",
        "Huy",
    ),
    *(
        "Kiên",
        "Lâm",
        "Nghĩa",
        "Phong",
        "Quân",
        "Tài",
        "Thắng",
        "Thịnh",
        "Trung",
        "Vinh",
        "Đông",
        "Lộc",
        "Nhân",
        "Tâm",
        "Việt",
    ),
)
ENGLISH_FAMILY: tuple[str, ...] = (
    "Smith",
    "Taylor",
    "Brown",
    "Wilson",
    "Clark",
    "Walker",
    "Hughes",
    "O'Brien",
    "Murphy",
    "Baker",
)
ENGLISH_WOMEN: tuple[str, ...] = ("Emma", "Olivia", "Sarah", "Grace", "Hannah", "Laura", "Chloe", "Alice")
ENGLISH_MEN: tuple[str, ...] = ("James", "Oliver", "Thomas", "Daniel", "Henry", "Jack", "Samuel", "Peter")

PLACES: tuple[tuple[tuple[str, ...], tuple[str, ...], int], ...] = (
    (
        ("TP. Hồ Chí Minh", "TP.HCM", "Thành phố Hồ Chí Minh", "Ho Chi Minh City"),
        ("Phường Sài Gòn", "Phường Bến Thành", "Phường Thủ Đức", "Phường Tân Định", "Phường An Hội Tây"),
        34,
    ),
    (
        ("Hà Nội", "TP Hà Nội", "Ha Noi"),
        ("Phường Hoàn Kiếm", "Phường Ba Đình", "Phường Cầu Giấy", "Phường Đống Đa"),
        24,
    ),
    (("Đà Nẵng", "Da Nang"), ("Phường Hải Châu", "Phường Sơn Trà", "Phường Hòa Khánh"), 9),
    (("Cần Thơ", "TP Cần Thơ"), ("Phường Ninh Kiều", "Phường Cái Răng"), 6),
    (("Hải Phòng",), ("Phường Hồng Bàng", "Phường Lê Chân"), 6),
    (("Đồng Nai",), ("Phường Trấn Biên", "Phường Long Khánh"), 6),
    (("Khánh Hòa",), ("Phường Nha Trang", "Phường Cam Ranh"), 4),
    (("Lâm Đồng",), ("Phường Xuân Hương - Đà Lạt",), 3),
    (("Nghệ An",), ("Phường Thành Vinh", "Phường Cửa Lò"), 3),
    (("Huế",), ("Phường Thuận Hóa", "Phường Vỹ Dạ"), 3),
    (("Quảng Ninh",), ("Phường Hạ Long", "Phường Cẩm Phả"), 2),
)
"""(how people spell the province, wards, weight)."""

STREETS: tuple[str, ...] = (
    *("Nguyễn Huệ", "Lê Lợi", "Trần Hưng Đạo", "Hai Bà Trưng", "Điện Biên Phủ", "Lý Thường Kiệt", "Phan Chu Trinh"),
    *("Nguyễn Trãi", "Cách Mạng Tháng 8", "Võ Văn Tần", "Bạch Đằng", "Hoàng Diệu", "Lê Duẩn", "Trường Chinh"),
)
MOBILE_PREFIXES: tuple[str, ...] = (
    *("032", "033", "034", "035", "036", "037", "038", "039", "070", "076", "077", "078", "079", "081", "082", "083"),
    *("084", "085", "086", "088", "090", "091", "093", "094", "096", "097", "098"),
)
"""Of ten-digit Vietnamese mobile numbers."""
