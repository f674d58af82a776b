"""The words that channels use for the same thing, in Vietnamese and English, without accents and capitals."""

from __future__ import annotations

GENDERS = (
    dict.fromkeys(("m", "male", "man", "boy", "mr", "nam", "nam gioi", "ong", "anh", "trai"), "male")
    | dict.fromkeys(
        ("f", "female", "woman", "girl", "mrs", "ms", "miss", "nu", "nu gioi", "ba", "chi", "gai"), "female"
    )
    | dict.fromkeys(("o", "x", "d", "other", "khac", "gioi tinh khac", "non-binary", "nonbinary", "diverse"), "other")
)
LANGUAGES = {
    "vn": "vi", "vie": "vi", "vietnamese": "vi", "tieng viet": "vi", "viet": "vi",
    "eng": "en", "english": "en", "tieng anh": "en", "anh": "en",
}  # fmt: skip
PROFICIENCIES = (
    dict.fromkeys(("beginner", "novice", "new", "none", "moi", "moi bat dau", "chua biet", "nguoi moi"), "beginner")
    | dict.fromkeys(
        ("intermediate", "medium", "some", "trung binh", "trung cap", "kha", "biet mot chut"), "intermediate"
    )
    | dict.fromkeys(
        ("expert", "advanced", "professional", "pro", "thanh thao", "gioi", "chuyen gia", "chuyen nghiep"), "expert"
    )
)
PURPOSES = (
    dict.fromkeys(
        ("personal", "private", "family", "home", "ca nhan", "gia dinh", "cho ban than", "dung trong nha"), "personal"
    )
    | dict.fromkeys(("gift", "gifts", "present", "qua tang", "qua", "lam qua", "bieu tang"), "gift")
    | dict.fromkeys(
        ("work", "business", "office", "company", "cong viec", "cong ty", "van phong", "kinh doanh"), "work"
    )
    | dict.fromkeys(("resale", "resell", "trade", "ban lai", "buon ban", "dai ly"), "resale")
)
