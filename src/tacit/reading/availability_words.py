"""What columns of availability are called in catalogues, and what they say: words in many languages.

All are compared without case, accents, blanks and punctuation: "out of stock" is ``outofstock``.
"""

STRAIGHT = (
    "available availability availabilitystatus stockstatus instock active onsale status lieferbar "
    "verfuegbar verfugbar lieferstatus bestandsstatus aktiv disponible disponibilite enstock actif "
    "disponibilidad activo disponibile disponibilita attivo disponivel disponibilidade ativo dostepny "
    "dostepnosc aktywny beschikbaar leverbaar opvoorraad tillganglig ilager mevcut stoktavar aktif "
    "在售 可售 上架 在架 有货 库存状态 状态 在庫 在庫状況 在庫有無 販売中 販売状況 판매중 판매상태 "
    "판매 재고있음 재고여부 доступно доступность вналичии наличие активен متاح متوفر พร้อมขาย "
    "verfuegbarkeit verfugbarkeit vorraetig vorratig beschikbaarheid voorraadstatus stokdurumu "
    "dostupnost skladem skladova dostupny dostupne lagerstatus palager raktaron elerhetoseg "
    "disponibilitate instoc saatavuus наявність внаявності доступність статус διαθεσιμοτητα "
    "διαθεσιμότητα διαθέσιμο זמינות זמין उपलब्धता उपलब्ध 販売状態 販売ステータス 販売可否 ステータス "
    "公開ステータス 公開中 販售狀態 販售 販售中 銷售狀態 销售状态 售卖状态 出售状态 庫存狀態 狀態 有貨 "
    "上下架 approvestatus salestatus salesstatus orderable inprint statut 판매여부 재고상태 상태 "
    "التوفر trangthaikho tinhtrangkho conhang ketersediaan tersedia"
)
"""Names of columns whose yes makes an item available."""

TURNED = (
    "hidden discontinued deleted archived soldout outofstock unavailable notavailable inactive "
    "disabled removed withdrawn delisted retired obsolete eol endoflife deletedat archivedat "
    "discontinuedat removedat discontinueddate versteckt ausgeblendet eingestellt ausgelaufen "
    "ausverkauft geloescht geloscht inaktiv deaktiviert epuise masque supprime archive inactif agotado "
    "descatalogado oculto eliminado inactivo esaurito nascosto eliminato inattivo esgotado "
    "descontinuado inativo uitverkocht verborgen verwijderd inactief wycofany ukryty usuniety "
    "nieaktywny tukendi gizli pasif 下架 已下架 停售 停产 缺货 售罄 删除 已删除 隐藏 品切れ 在庫切れ "
    "廃盤 販売終了 非表示 품절 단종 숨김 판매중지 삭제 снят снятспродажи скрыт удален архив "
    "нетвналичии notforsale notonsale nolongeravailable nolongerforsale outofprint notinstock nostock "
    "suppressed blocked suspended delistedat expired deactivated unlisted unpublished offsale gesperrt "
    "ausgelistet vergriffen abgekuendigt abgekundigt geblokkeerd desactivado deshabilitado retirado "
    "bloqueado bloque retire desactive bloccato disattivato ritirato desativado zablokowany wyprzedany "
    "fueradestock rupturedestock enrupture horsstock vyprodano slutsald udsolgt utsolgt loppuunmyyty "
    "stoktayok satisdisi habis hethang ngungkinhdoanh 売り切れ 売切れ 完売 販売停止 販売不可 在庫なし "
    "在庫無し 取扱終了 生産終了 已停售 已停产 停產 已售罄 售完 无货 無貨 缺貨 斷貨 断货 无库存 禁用 "
    "停用 冻结 失效 无效 非卖品 放入仓库 仓库中 판매불가 판매종료 재고없음 미판매 распродан "
    "заблокирован продано غيرمتوفر غيرمتاح หมด สินค้าหมด เลิกขาย"
)
"""Names of columns whose yes takes an item away."""

WEAK = (
    "published visible visibility enabled forsale saleable salable sellable purchasable buyable "
    "inventorystatus isopen sichtbar veroffentlicht veroeffentlicht publie visibile pubblicato "
    "publicado opublikowany widoczny 发布 已发布 显示 展示 公開 公開状態 表示 노출 진열 진열상태 전시 "
    "опубликован виден valid 有效 启用 啟用 展示状态 显示状态 顯示 發布 可见 可見"
)
"""Names that say availability only where all values are answers or states (published: 1998)."""

STATE = (
    "state lifecycle lifecyclestage lifecyclestate lifecyclestatus estado estatus situacion situacao "
    "etat stato situazione zustand stan stav tilstand tila durum durumu allapot stare стан состояние "
    "κατάσταση מצב الحالة حالة स्थिति สถานะ tinhtrang trangthai keadaan 販売区分 公開区分 商品区分"
)
"""Names of a state of any kind, used only where all values are states of an item (state: NY)."""

ASK = (
    "sold draft drafts offline private closed reserved locked restricted paused ended auslaufartikel "
    "auslaufmodell auslaufprodukt phaseout phasedout verkauft reserviert entwurf vendu brouillon "
    "horsligne vendido borrador venduto bozza rascunho verkocht sprzedany 草稿 已售 已售出 预留 下書き"
)
"""Names whose yes may take an item away or mean another thing (draft beer): only the user knows."""

AMOUNT = (
    "stock stockquantity stockqty stocklevel stockcount inventory inventoryquantity inventoryqty "
    "variantinventoryqty quantityavailable availablequantity quantityinstock qtyinstock bestand "
    "lagerbestand existencias estoque giacenza magazzino voorraad stok 库存 库存数量 库存量 在庫数 "
    "在庫数量 재고 재고수량 재고량 остаток остатки quantity qty availablestock unitsinstock onhand "
    "quantityonhand qtyonhand menge cantidad quantite quantita quantidade aantal ilosc 数量 宝贝数量 "
    "商品数量 庫存 庫存數量 庫存量 可售数量 可用库存 剩余库存 수량 количество"
)
"""Names of columns of pieces in stock."""

COUNTED = (
    "available availability instock lieferbar verfuegbar verfugbar vorraetig vorratig disponible "
    "disponibilite enstock disponibilidad disponibile disponibilita disponivel disponibilidade "
    "dostepny dostepnosc beschikbaar beschikbaarheid leverbaar opvoorraad tillganglig ilager mevcut "
    "stoktavar skladem dostupnost 可售 有货 有貨 在庫 재고있음 доступно доступность вналичии наличие "
    "внаявності наявність متاح متوفر tersedia conhang"
)
"""Names of ``STRAIGHT`` whose numbers may be pieces; those of the others (active: 1, 2) are codes."""

DATES = (
    "availabledate dateavailable expirydate expirationdate expiresat expires validuntil validto validfrom "
    "offsaledate saleenddate 有效期 失效时间 到期时间 販売開始日 販売終了日"
)
"""Names of days from which or to which an item is available."""

NEGATION = (
    "not no never nolonger nomore notyet non un nicht nichtmehr nochnicht kein keine keinen pas plus "
    "nest nestplus nestpas nao neni nie niet nietmeer geen ej inte icke ikke tidak khong не нет немає "
    "不 不再 未 非 停 停止 暂不 暫不 无 無 没 미 비 불 غير ليس ไม่ ยังไม่ ne ei"
)
"""Words that turn the name or the state behind them around: ``not_for_sale``, 不在架."""

NEGATABLE = (
    "online live listed stocked offered released approved visible purchasable 售 销售 銷售 出售 卖 用 "
    "产 生产 供货 發售 发售 発売 販売 公開 上线 上線 開賣 开售 启用"
)
"""Further words that a negation turns around; alone they may say another thing (a live album)."""

YES = (
    "true t yes y on x ja j oui o si s sim tak evet e da да д 是 有 可 はい 有り あり ○ 예 네 있음 유 "
    "نعم ใช่ ✓ ✔ wahr vrai verdadero verdadeiro vero prawda"
)

NO = (
    "false f no n off nein non nao nie nee nei nej hayir ne net нет н 否 无 無 不 不可 いいえ 無し "
    "なし × 아니오 아니요 없음 무 لا ไม่ ✗ ✘ falsch faux falso falsz nolonger nomore notanymore "
    "nichtmehr notyet"
)
"""Answers."""

IN = (
    "available active instock onsale forsale published publish listed enabled live visible shown "
    "current normal preorder presale backorder limitedavailability onlineonly instoreonly madetoorder "
    "lowstock lieferbar verfuegbar verfugbar auflager vorbestellbar aktiv sichtbar disponible enstock "
    "actif activo attivo disponibile disponivel ativo emestoque dostepny aktywny leverbaar beschikbaar "
    "opvoorraad mevcut stoktavar aktif 在售 上架 已上架 上架中 在架 有货 有库存 现货 预售 正常 启用 "
    "销售中 已发布 発売中 販売中 在庫あり 在庫有り 予約 公開 公開中 판매중 판매 재고있음 진열 노출 "
    "예약판매 вналичии естьвналичии есть доступен доступно доступна активен предзаказ опубликован متاح "
    "متوفر พร้อมขาย มีสินค้า online new limited limitedstock availablefororder availabletoorder "
    "availablenow catalog search catalogsearch public orderable inprint activated approved "
    "sofortlieferbar sofortverfuegbar sofortverfugbar vorraetig vorratig freigegeben veroffentlicht "
    "veroeffentlicht enligne publie envente enventa alaventa publicado avenda invendita pubblicato "
    "inmagazzino enalmacen wmagazynie naskladzie widoczny opublikowany skladem naskladě dostupny "
    "dostupne dostupna vprodeji aktivni ilager palager tillganglig tilgjengelig tilgaengelig aktivna "
    "varastossa saatavilla raktaron keszleten elerheto instoc disponibil stokta var satista satışta "
    "yayinda yayında tersedia stoktersedia conhang đangbán đangkinhdoanh hoạtđộng внаявності "
    "євнаявності є активний доступний опублікований виден видимый впродаже διαθέσιμο במלאי זמין نشط "
    "منشور उपलब्ध स्टॉकमें स्टॉकमेंहै พร้อมจำหน่าย วางขาย 在庫僅少 残りわずか 受注生産 販売 有貨 現貨 "
    "預購 預售 預約 販售中 銷售中 出售中 上架販售 上線 上线 已上线 有效 庫存充足 库存充足 可售 "
    "판매가능 활성"
)

OUT = (
    "unavailable notavailable nolongeravailable temporarilyunavailable inactive outofstock notinstock "
    "nostock oos outofprint soldout sold draft archived archive hidden discontinued deleted removed "
    "withdrawn retired obsolete delisted unlisted unpublished disabled suspended blocked rejected "
    "paused private trash offline ended expired closed eol endoflife invisible offsale notforsale "
    "pending nichtlieferbar nichtverfuegbar nichtverfugbar nichtauflager ausverkauft vergriffen "
    "inaktiv entwurf archiviert versteckt ausgeblendet eingestellt ausgelaufen geloescht geloscht "
    "gesperrt deaktiviert indisponible epuise enrupture rupturedestock horsstock inactif brouillon "
    "masque supprime nodisponible agotado sinstock sinexistencias inactivo borrador oculto "
    "descatalogado eliminado nondisponibile esaurito inattivo bozza nascosto fuoricatalogo eliminato "
    "indisponivel naodisponivel esgotado semestoque inativo rascunho descontinuado niedostepny brak "
    "nieaktywny wycofany ukryty usuniety nietleverbaar nietbeschikbaar uitverkocht nietopvoorraad "
    "concept tukendi stoktayok pasif 下架 已下架 未上架 停售 已停售 停产 缺货 无货 无库存 售罄 已售罄 "
    "售完 删除 已删除 禁用 停用 草稿 隐藏 待上架 仓库中 在庫なし 在庫無し 品切れ 在庫切れ 売り切れ "
    "売切れ 完売 廃盤 廃番 販売終了 販売停止 非公開 非表示 下書き 품절 일시품절 판매중지 판매종료 "
    "판매대기 단종 재고없음 숨김 삭제 미진열 нетвналичии нет отсутствует недоступен недоступно "
    "недоступна неактивен снятспродажи снят распродан черновик архив скрыт удален غيرمتاح غيرمتوفر نفد "
    "หมด สินค้าหมด currentlyunavailable temporarilyoutofstock currentlyoutofstock withdrawnfromsale "
    "notvisibleindividually notvisible disapproved deactivated suppressed locked banned phasedout "
    "derzeitnichtverfuegbar derzeitnichtverfugbar derzeitnichtlieferbar momentannichtlieferbar "
    "zurzeitnichtlieferbar ausgelistet abgekuendigt abgekundigt horsligne retire retiree plusenvente "
    "plusdisponible plusenstock arrete fueradestock fueradelinea retirado pausado suspendido "
    "desactivado deshabilitado fueradeventa foradeestoque foradelinha desativado suspenso disattivato "
    "disattivo fuoriproduzione nonattivo sospeso ritirato fuoristock wyprzedany wyprzedane zawieszony "
    "neniskladem vyprodano nedostupne nedostupny nedostupna ukonceno ejilager slutilager slut slutsald "
    "utgatt ikkepalager udsolgt utsolgt utgaet loppu loppuunmyyty eivarastossa elfogyott nincsraktaron "
    "stocepuizat epuizat indisponibil yok satisdisi satışdışı habis stokhabis nonaktif tidakaktif "
    "tidaktersedia hethang hếthàng tamhethang ngungkinhdoanh ngungban немаєвнаявності немає відсутній "
    "продано закінчився знятийзпродажу прихований снятспроизводства заблокирован закончился "
    "εξαντλημένο μηδιαθέσιμο אזל אזלמהמלאי לאזמין לאבמלאי نفدتالكمية نفذ مخفي مسودة غيرنشط अनुपलब्ध "
    "स्टॉकमेंनहीं स्टॉकसेबाहर เลิกขาย ปิดการขาย ไม่มีสินค้า หยุดขาย 販売休止 販売不可 取扱終了 "
    "生産終了 公開終了 停產 已停產 缺貨 無貨 斷貨 断货 完售 已完售 已售完 售空 未上线 已下线 下线 下線 "
    "下架中 放入仓库 在仓库 仓库 失效 无效 無效 冻结 非卖品 판매불가 비활성 비공개 미판매"
)
"""States of an item, whatever the column is called."""
