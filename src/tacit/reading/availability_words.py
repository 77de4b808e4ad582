"""What columns of availability are called in catalogues, and what they say: words in many languages.

All are compared without case, accents, blanks and punctuation: "out of stock" is ``outofstock``.
"""

STRAIGHT = (
    "available availability availabilitystatus stockstatus instock active onsale status lieferbar "
    "verfuegbar verfugbar lieferstatus bestandsstatus aktiv disponible disponibilite enstock actif "
    "disponibilidad activo disponibile disponibilita attivo disponivel disponibilidade ativo dostepny "
    "dostepnosc aktywny beschikbaar leverbaar opvoorraad tillganglig ilager mevcut stoktavar aktif 在售 "
    "可售 上架 在架 有货 库存状态 状态 在庫 在庫状況 在庫有無 販売中 販売状況 판매중 판매상태 판매 "
    "재고있음 재고여부 доступно доступность вналичии наличие активен متاح متوفر พร้อมขาย"
)
"""Names of columns whose yes makes an item available."""
TURNED = (
    "hidden discontinued deleted archived soldout outofstock unavailable notavailable inactive disabled "
    "removed withdrawn delisted retired obsolete eol endoflife deletedat archivedat discontinuedat "
    "removedat discontinueddate versteckt ausgeblendet eingestellt ausgelaufen ausverkauft geloescht "
    "geloscht inaktiv deaktiviert epuise masque supprime archive inactif agotado descatalogado oculto "
    "eliminado inactivo esaurito nascosto eliminato inattivo esgotado descontinuado inativo uitverkocht "
    "verborgen verwijderd inactief wycofany ukryty usuniety nieaktywny tukendi gizli pasif 下架 已下架 "
    "停售 停产 缺货 售罄 删除 已删除 隐藏 品切れ 在庫切れ 廃盤 販売終了 非表示 품절 단종 숨김 판매중지 "
    "삭제 снят снятспродажи скрыт удален архив нетвналичии"
)
"""Names of columns whose yes takes an item away."""
WEAK = (
    "published visible visibility enabled forsale saleable salable sellable purchasable buyable "
    "inventorystatus isopen sichtbar veroffentlicht veroeffentlicht publie visibile pubblicato "
    "publicado opublikowany widoczny 发布 已发布 显示 展示 公開 公開状態 表示 노출 진열 진열상태 전시 "
    "опубликован виден"
)
"""Names that say availability only where all values are answers or states (published: 1998)."""
AMOUNT = (
    "stock stockquantity stockqty stocklevel stockcount inventory inventoryquantity inventoryqty "
    "variantinventoryqty quantityavailable availablequantity quantityinstock qtyinstock bestand "
    "lagerbestand existencias estoque giacenza magazzino voorraad stok 库存 库存数量 库存量 在庫数 "
    "在庫数量 재고 재고수량 재고량 остаток остатки"
)
"""Names of columns of pieces in stock."""
YES = (
    "true t yes y on x ja j oui o si s sim tak evet e da да д 是 有 可 はい 有り あり ○ 예 네 있음 유 "
    "نعم ใช่ ✓ ✔ wahr vrai verdadero verdadeiro vero prawda"
)
NO = (
    "false f no n off nein non nao nie nee nei nej hayir ne net нет н 否 无 無 不 不可 いいえ 無し なし "
    "× 아니오 아니요 없음 무 لا ไม่ ✗ ✘ falsch faux falso falsz"
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
    "متوفر พร้อมขาย มีสินค้า"
)
OUT = (
    "unavailable notavailable nolongeravailable temporarilyunavailable inactive outofstock notinstock "
    "nostock oos outofprint soldout sold draft archived archive hidden discontinued deleted removed "
    "withdrawn retired obsolete delisted unlisted unpublished disabled suspended blocked rejected "
    "paused private trash offline ended expired closed eol endoflife invisible offsale notforsale "
    "pending nichtlieferbar nichtverfuegbar nichtverfugbar nichtauflager ausverkauft vergriffen inaktiv "
    "entwurf archiviert versteckt ausgeblendet eingestellt ausgelaufen geloescht geloscht gesperrt "
    "deaktiviert indisponible epuise enrupture rupturedestock horsstock inactif brouillon masque "
    "supprime nodisponible agotado sinstock sinexistencias inactivo borrador oculto descatalogado "
    "eliminado nondisponibile esaurito inattivo bozza nascosto fuoricatalogo eliminato indisponivel "
    "naodisponivel esgotado semestoque inativo rascunho descontinuado niedostepny brak nieaktywny "
    "wycofany ukryty usuniety nietleverbaar nietbeschikbaar uitverkocht nietopvoorraad concept tukendi "
    "stoktayok pasif 下架 已下架 未上架 停售 已停售 停产 缺货 无货 无库存 售罄 已售罄 售完 删除 已删除 "
    "禁用 停用 草稿 隐藏 待上架 仓库中 在庫なし 在庫無し 品切れ 在庫切れ 売り切れ 売切れ 完売 廃盤 廃番 "
    "販売終了 販売停止 非公開 非表示 下書き 품절 일시품절 판매중지 판매종료 판매대기 단종 재고없음 숨김 "
    "삭제 미진열 нетвналичии нет отсутствует недоступен недоступно недоступна неактивен снятспродажи "
    "снят распродан черновик архив скрыт удален غيرمتاح غيرمتوفر نفد หมด สินค้าหมด"
)
"""States of an item, whatever the column is called."""
