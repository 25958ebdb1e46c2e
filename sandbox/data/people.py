"""Invented people, companies and sentences in the languages of the events. None of them exist."""

from typing import NamedTuple


class Words(NamedTuple):
    """What one language gives to the generated events."""

    people: tuple[str, ...]
    sessions: tuple[str, ...]
    tracks: tuple[str, ...]
    about: str


WORDS: dict[str, Words] = {
    "en": Words(
        ("Ada Brambleworth", "Silas O'Quillan", "Tamsin Wetherby-Cole", "Jonah Feathergill", "Priya Marlstone"),
        (
            "Opening",
            "What the Year Taught Us",
            "Workshop: From Plan to Page",
            "Questions & Answers",
            "Closing Words",
            "Walk-in Clinic",
        ),
        ("Foundations", "Practice", "Outlook"),
        "A day of short talks, <b>long breaks</b> and good questions.",
    ),
    "de": Words(
        ("Jürgen Größler", "Änne Weißkirchner", "Götz Übelhör"),
        ("Begrüßung", "Über Straßen und Märkte", "Gespräch am Abend"),
        ("Grundlagen", "Praxis", "Ausblick"),
        "Ein Abend mit kurzen Vorträgen und <b>großen Fragen</b>.",
    ),
    "ja": Words(
        ("架空 花子", "見本 太郎", "仮名 次郎"),
        ("開会のご挨拶", "雲と地図 ― 実践講座", "質疑応答"),
        ("基礎", "実践", "展望"),
        "短い講演と長い休憩、そして<b>良い質問</b>の一日。",
    ),
    "ar": Words(
        ("ليلى النموذجي", "سامي المثال", "نورة التجريبي"),
        ("كلمة الافتتاح", "من الخطة إلى الصفحة", "أسئلة وأجوبة"),
        ("أساسيات", "تطبيق", "آفاق"),
        "يوم من المحاضرات القصيرة و<b>الأسئلة الجيدة</b>.",
    ),
}

SPONSORS = ("Fabrikam Invented Works", "Northwind Make-Believe Traders", "Adventure Pretend Cycles")
