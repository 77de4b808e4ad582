"""Which encoder a catalogue takes: by the tokens of its texts alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from tacit.core.errors import MissingExtraError
from tacit.data.catalogue import Catalogue
from tacit.data.shop import generate
from tacit.encoders.choice import SAMPLE, Choice, choose
from tacit.encoders.readers import minilm_reader, use_reader

HEADPHONES = {
    "en": "Wireless headphones with noise cancelling and thirty hours of battery, ideal for long trips.",
    "zh": "无线降噪耳机，续航三十小时，适合长途旅行。",
    "ja": "ノイズキャンセリング付きワイヤレスヘッドホン、三十時間のバッテリー、長い旅行に最適です。",
    "ko": "소음 제거 기능이 있는 무선 헤드폰, 서른 시간 배터리, 긴 여행에 이상적입니다.",
    "ru": "Беспроводные наушники с шумоподавлением и тридцатью часами работы, идеальны в поездках.",
    "de": "Kabelloser Kopfhörer mit Geräuschunterdrückung und dreißig Stunden Akku, ideal für lange Reisen.",
    "fr": "Casque audio sans fil avec réduction de bruit et trente heures d'autonomie, idéal en voyage.",
    "es": "Auriculares inalámbricos con cancelación de ruido y treinta horas de batería, ideales de viaje.",
    "it": "Cuffie senza fili con cancellazione del rumore e trenta ore di batteria, ideali in viaggio.",
    "pt": "Fone de ouvido sem fio com cancelamento de ruído e trinta horas de bateria, ideal para viagens.",
    "nl": "Draadloze koptelefoon met ruisonderdrukking en dertig uur batterij, ideaal voor lange reizen.",
    "pl": "Bezprzewodowe słuchawki z redukcją szumów i trzydziestoma godzinami pracy, idealne na podróże.",
    "ar": "سماعات لاسلكية مع إلغاء الضوضاء وثلاثين ساعة من البطارية، مثالية للرحلات الطويلة.",
    "tr": "Gürültü engelleme özellikli kablosuz kulaklık, otuz saat pil ömrü, uzun yolculuklar için ideal.",
    "th": "หูฟังไร้สายพร้อมระบบตัดเสียงรบกวน แบตเตอรี่สามสิบชั่วโมง เหมาะสำหรับการเดินทางไกล",
    "hi": "शोर रद्द करने वाले वायरलेस हेडफ़ोन, तीस घंटे की बैटरी, लंबी यात्राओं के लिए आदर्श।",
    "vi": "Tai nghe không dây chống ồn, pin ba mươi giờ, lý tưởng cho những chuyến đi dài bằng máy bay.",
    "sv": "Trådlösa hörlurar med brusreducering och trettio timmars batteri, perfekta för långa resor.",
    "el": "Ασύρματα ακουστικά με ακύρωση θορύβου και τριάντα ώρες μπαταρία, ιδανικά για μεγάλα ταξίδια.",
}
UNREAD = {"hi", "vi", "sv", "el"}


@pytest.mark.parametrize("language", HEADPHONES)
def test_each_language_takes_the_encoder_that_reads_it(language: str, tmp_path: Path) -> None:
    found = choose([HEADPHONES[language]] * 5, tmp_path / "vectors.sqlite3")
    expected = "minilm" if language == "en" else "tfidf" if language in UNREAD else "use"
    assert (found.source, found.second_best) == (expected, language in UNREAD)


def test_short_english_words_are_english(tmp_path: Path) -> None:
    assert choose(["red tea cup", "cast iron pan", "a"], tmp_path / "v.sqlite3").source == "minilm"


def test_the_demo_in_two_languages_takes_the_pair(tmp_path: Path) -> None:
    shop = generate(seed=5, users=20, items=300, events=200, days=20)
    texts = Catalogue.from_frame(shop.items).texts.to_list()
    found = choose(texts, tmp_path / "vectors.sqlite3")
    assert found.source == "pair"
    assert "% of the texts are in English" in found.why
    english = [text for text in texts if text.isascii()]
    assert choose(english, tmp_path / "vectors.sqlite3").source == "minilm"


def test_a_few_texts_in_another_language_do_not_change_the_choice(tmp_path: Path) -> None:
    texts = [HEADPHONES["en"]] * 98 + [HEADPHONES["zh"], HEADPHONES["ru"]]
    assert choose(texts, tmp_path / "vectors.sqlite3").source == "minilm"


def test_emoji_and_numbers_are_no_unknown_words(tmp_path: Path) -> None:
    texts = ["Red running shoes 😀😀 👟", "1984", "Pan 🍳"]
    for reader in (minilm_reader(), use_reader()):
        counts = reader.counts(texts, tmp_path / "v.sqlite3")
        assert counts.unknown.tolist() == [0, 0, 0]
        assert reader.reads(counts).all()
        assert not reader.reads(reader.counts(["", "👟🍳", " "], tmp_path / "v.sqlite3")).any()


@pytest.mark.parametrize("text", ["", "\0", "\ud800x", "a" * 50_000, "字" * 3_000, "\u202e"])
def test_any_text_can_be_counted(text: str, tmp_path: Path) -> None:
    for reader in (minilm_reader(), use_reader()):
        counts = reader.counts([text], tmp_path / "v.sqlite3")
        assert 0 <= counts.unknown_share[0] <= 1


def test_no_text_at_all_is_no_exception(tmp_path: Path) -> None:
    assert choose([], tmp_path / "v.sqlite3") == Choice("minilm", "there is no text")


def test_a_large_catalogue_is_sampled_evenly(tmp_path: Path) -> None:
    texts = [HEADPHONES["en"]] * SAMPLE + [HEADPHONES["zh"]] * SAMPLE
    assert choose(texts, tmp_path / "v.sqlite3").source == "pair"


def test_the_choice_loads_no_network(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tacit.encoders.choice import choose;"
        "choose(['red shoes', '红色连衣裙'], Path(sys.argv[1]));"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "v.sqlite3")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False False\n"


def test_without_a_model_the_other_one_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing() -> Path:
        raise MissingExtraError("it is not installed")

    texts, cache = [HEADPHONES["zh"]], tmp_path / "v.sqlite3"
    monkeypatch.setattr("tacit.encoders.use_tokens.find", missing)
    assert choose(texts, cache) == Choice(
        "minilm", "it is not installed; using MiniLM, which reads English only", second_best=True
    )
    monkeypatch.setattr("tacit.encoders.minilm_files.find", missing)
    assert choose(texts, cache).source == "tfidf"
