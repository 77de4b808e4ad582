"""The encoding of a text is guessed from its letters, said, and may be chosen."""

import random
from pathlib import Path

import pytest
from tests.reading.logs import write

from tacit.core.errors import ConfigError
from tacit.reading import encodings, textfile
from tacit.reading.choices import Reading
from tacit.reading.read import read_events, read_items

WORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "de": (
        "Küche Stuhl schön grün Möbel Tür Größe für Mädchen Straße Schüssel Tisch Lampe "
        "Holz rot blau Weiß Kinderbücher Gemüse Bücher Kabel über Wäsche Sofa Groß "
        "Schlüssel Fußball Kaffee Österreich Mütze Jacke ",
        ("cp1252",),
    ),
    "fr": (
        "Chaise été rouge lumière cuisine garçon enfant crème beauté élégant fenêtre "
        "forêt très léger café théière lampe bois déco à fleurs maïs noël hôtel vêtement "
        "étagère clé sécurité papier peint fraîche ",
        ("cp1252",),
    ),
    "es": (
        "Silla niño pequeño baño cocina lámpara jardín balón corazón azúcar cámara "
        "teléfono camión español bebé rojo azul música montaña sofá cojín año señor mesa "
        "libro página ",
        ("cp1252",),
    ),
    "pt": (
        "Cadeira criança coração pão cão câmera relógio sofá lâmpada balão cozinha "
        "calções açúcar edição irmãos mesa livro avó médio ",
        ("cp1252",),
    ),
    "it": (
        "Città caffè perché lunedì qualità sedia tavolo lampada libro più novità tè bambù papà rosso verde ",
        ("cp1252",),
    ),
    "sv": (
        "Stol kök färg grön blå bord lampa hårtork mössa björn häst tröja kläder barn båt sjö öra ",
        ("cp1252",),
    ),
    "pl": (
        "Krzesło żółty łóżko zielony kuchnia książka chłopiec dziewczyna piękny święta "
        "stół lampa źródło ćwiczenia wełna ręcznik pościel dąb mały duży kawa herbata "
        "różowy słoń ",
        ("cp1250", "iso-8859-2"),
    ),
    "cs": (
        "Židle kuchyně zelený žlutý stůl lampa kniha dětský přírodní křeslo růžový "
        "hračka koš šálek čaj káva světlo dřevo černý bílý měkký velký malý ručník "
        "tričko říční ",
        ("cp1250", "iso-8859-2"),
    ),
    "hu": (
        "Szék konyha zöld sárga könyv gyermek asztal lámpa függöny törölköző tűzhely "
        "őszi női férfi cipő póló kék fehér gyűrű nagyméretű ",
        ("cp1250", "iso-8859-2"),
    ),
    "ru": (
        "Стул кухонный зелёный лампа книга детский платье куртка женская мужская чёрный "
        "белый стол кресло кофе чай сумка телефон чехол игрушка мягкая набор посуды ",
        ("cp1251", "koi8-r"),
    ),
    "uk": (
        "Стілець кухонний зелений лампа книга дитяча сукня куртка жіноча чоловіча чорний "
        "білий стіл крісло кава чай їжа сумка телефон ",
        ("cp1251",),
    ),
    "tr": (
        "Sandalye mutfak yeşil sarı kitap çocuk masa lamba ışık gömlek kırmızı büyük "
        "küçük şapka ayakkabı çanta gümüş yüzük elbise kadın erkek düğme ağaç ",
        ("cp1254",),
    ),
    "el": (
        "Καρέκλα κουζίνα πράσινο βιβλίο παιδικό τραπέζι λάμπα φόρεμα μπουφάν γυναικείο ανδρικό μαύρο λευκό ",
        ("cp1253",),
    ),
    "th": (
        "เก้าอี้ ครัว สีเขียว หนังสือ เด็ก โต๊ะ โคมไฟ เสื้อ กางเกง รองเท้า ผู้หญิง ผู้ชาย สีดำ กระเป๋า ",
        ("cp874",),
    ),
    "ar": (
        "كرسي مطبخ أخضر كتاب أطفال طاولة مصباح فستان سترة نسائية رجالية أسود أبيض حقيبة هاتف ",
        ("cp1256",),
    ),
    "zh": (
        "实木餐椅 厨房收纳架 绿色连衣裙 儿童绘本 台灯 女士外套 "
        "男士皮鞋 黑色背包 白色衬衫 咖啡豆 茶叶礼盒 蓝牙耳机 "
        "充电宝 保温杯 电饭煲 洗衣液 羽绒服 瑜伽垫 行李箱 平板电脑 ",
        ("gb18030",),
    ),
    "tw": (
        "實木餐椅 廚房收納架 綠色連衣裙 兒童繪本 檯燈 女士外套 "
        "男士皮鞋 黑色背包 白色襯衫 咖啡豆 茶葉禮盒 藍牙耳機 "
        "行動電源 保溫杯 電鍋 洗衣精 羽絨外套 瑜珈墊 行李箱 平板電腦 ",
        ("cp950",),
    ),
    "ja": (
        "木製の椅子 キッチン収納 緑のワンピース 絵本 "
        "デスクライト レディースコート メンズ革靴 黒いリュック 白シャツ "
        "コーヒー豆 お茶ギフト ワイヤレスイヤホン 水筒 炊飯器 洗剤 ヨガマット 旅行かばん 任意のカタカナ ",
        ("cp932", "euc_jp"),
    ),
    "ko": (
        "원목 식탁 의자 주방 수납장 초록색 원피스 어린이 "
        "그림책 스탠드 조명 여성 코트 남성 구두 검은색 배낭 "
        "흰색 셔츠 커피 원두 녹차 선물세트 블루투스 이어폰 보온병 전기밥솥 세탁세제 요가매트 여행가방 ",
        ("cp949",),
    ),
}
KINDS = [(language, encoding) for language, (_, written) in WORDS.items() for encoding in written]


def text_of(language: str, rows: int, draw: random.Random) -> str:
    """Return a catalogue or a log with ids of words."""
    words = WORDS[language][0].split()
    catalogue = draw.random() < 0.5
    lines = ["item_id,title,price" if catalogue else "user_id,item_id,event,time"]
    for number in range(rows):
        name = " ".join(draw.choices(words, k=draw.randint(1, 3)))
        more = f"u{number % 9},{name},view,2024-03-0{number % 9 + 1}"
        lines.append(f"i{number},{name},{draw.randint(1, 99)}" if catalogue else more)
    return "\n".join(lines)


@pytest.mark.parametrize(("language", "encoding"), KINDS)
def test_thirty_rows_are_enough(language: str, encoding: str) -> None:
    draw = random.Random(7)
    for _ in range(20):
        text = text_of(language, 30, draw)
        data = text.encode(encoding)
        assert data.decode(textfile.encoding_of(data)) == text


def test_three_rows_are_mostly_enough() -> None:
    draw = random.Random(7)
    texts = [(text_of(language, 3, draw), encoding) for language, encoding in KINDS for _ in range(10)]
    packed = [(text, text.encode(encoding)) for text, encoding in texts]
    right = sum(data.decode(textfile.encoding_of(data), "replace") == text for text, data in packed)
    assert right >= 0.95 * len(texts)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("user,item\nu1,Don’t panic\nu2,5 €\n", "windows-1252"),
        ("item_id,title\ni0,木製の椅子\ni1,ワイヤレスイヤホン\n", "cp932"),
        ("a,Zoë,Café,Müller\n", "windows-1252"),
        ("名前,商品\n田中,緑のワンピース\n", "euc_jp"),
    ],
)
def test_short_texts(text: str, encoding: str) -> None:
    assert textfile.encoding_of(text.encode(encoding)) == encoding


def test_a_guess_is_said_and_a_choice_is_taken(tmp_path: Path) -> None:
    rows = "".join(f"u{n % 7},café €{n},view,{1709251200 + n}\n" for n in range(60))
    path = write(tmp_path, f"user_id,item_id,event,timestamp\n{rows}".encode("cp1252"))
    guessed = read_events(path)
    assert guessed.encoding == "windows-1252"
    assert "the encoding was guessed: windows-1252; --encoding NAME for another" in guessed.notes
    assert guessed.frame["item_id"][0] == "café €0"
    chosen = read_events(path, reading=Reading(encoding="cp1251"))
    assert chosen.encoding == "cp1251"
    assert chosen.frame["item_id"][0] == "cafй €0".replace("€", "Ђ")
    assert not [note for note in chosen.notes if "encoding" in note]


def test_utf_8_is_no_guess(tmp_path: Path) -> None:
    rows = "".join(f"u{n % 7},café €{n},view,{1709251200 + n}\n" for n in range(60))
    source = read_events(write(tmp_path, f"user_id,item_id,event,timestamp\n{rows}".encode()))
    assert source.encoding == "utf-8"
    assert not [note for note in source.notes if "encoding" in note]


def test_the_first_foreign_bytes_may_come_late(tmp_path: Path) -> None:
    ascii_rows = b"u1,i1,view,1709251200\n" * 100_000
    for encoding, found in (("utf-8", "utf-8"), ("cp932", "cp932"), ("cp1251", "windows-1251")):
        word = "ワイヤレスイヤホン" if encoding == "cp932" else "кухонный стул"
        late = f"u2,{word},view,1709251300\n".encode(encoding) * 3
        assert textfile.encoding_of_file(write(tmp_path, ascii_rows + late))[0] == found


def test_a_chosen_utf_8_may_have_a_mark(tmp_path: Path) -> None:
    path = write(tmp_path, "item_id,title\n1,é\n".encode("utf-8-sig"))
    assert read_items(path, reading=Reading(encoding="utf-8")).columns == ["item_id", "title"]


def test_a_catalogue_takes_the_choice_too(tmp_path: Path) -> None:
    path = write(tmp_path, "item_id,title\n1,стул\n".encode("koi8-r"))
    assert read_items(path, reading=Reading(encoding="koi8-r"))["title"].to_list() == ["стул"]


@pytest.mark.parametrize("name", ["latin-99", "", "base64", "rot13", "utf8\0"])
def test_an_unknown_encoding_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no text encoding"):
        Reading(encoding=name)


@pytest.mark.parametrize("seed", range(20))
def test_any_bytes_give_some_encoding(seed: int) -> None:
    data = random.Random(seed).randbytes(400)
    data.decode(encodings.guess(data), "replace")


def test_a_header_in_capitals_is_no_other_language() -> None:
    header = "DISCOUNT,КОД_ТОВАРА,СОБЫТИЕ,НОМЕР_КЛИЕНТА,ВРЕМЯ_СОБЫТИЯ"
    for encoding, name in (("cp1251", "windows-1251"), ("koi8-r", "koi8-r")):
        assert encodings.guess(header.encode(encoding)) == name
