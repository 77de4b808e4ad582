"""The words of event names, by what they say: the vocabulary that `tacit.data.event_names` reads with.

A word belongs to one sense. English words stand in their base form (the reader knows tense and number),
other languages as exact words or, with a star, as stems: ``achet*`` is acheter, acheté, achète. Latin letters
are written without accents (``geloscht`` and ``geloesch*`` for gelöscht). Chinese, Japanese and Korean
words are found inside a longer text, the longest first.
"""

from typing import Literal

Sense = Literal[
    # A choice, from strong to weak.
    "buy", "rate", "checkout", "like", "save", "cart", "play", "click",
    # A choice unless something else is said: added (a comment?), completed (a form?), opened (the app?).
    "complete", "add", "start", "open", "detail", "view",
    # No choice: exposures, contacts with the site, matters of the account, faults.
    "exposure", "soft", "mail", "sent", "matter", "hard",
    # A refusal.
    "skip", "remove", "decline", "dismiss", "cancel", "return", "report", "reject", "dislike",
    # Words that turn others around, and words without a sense of their own.
    "undo", "not", "and", "plain", "object",
]  # fmt: skip

CHOICES: frozenset[Sense] = frozenset({"buy", "rate", "checkout", "like", "save", "cart", "play", "click"})
ACTS: frozenset[Sense] = CHOICES | {"complete", "add", "start", "open", "detail", "view"}
"""Choices, and what is one unless the name says otherwise."""
REFUSALS: frozenset[Sense] = frozenset(
    {"skip", "remove", "decline", "dismiss", "cancel", "return", "report", "reject", "dislike"}
)

ENGLISH: dict[Sense, str] = {
    "buy": "purchase buy bought order transaction sale sold conversion convert subscribe subscription "
    "book booking reserve reservation paid pay payment donate donation preorder repurchase rent rental "
    "lease hire borrow loan acquire acquisition enroll enrol enrollment enrolment redeem redemption "
    "invoice spend attend attendance rsvp renew renewal gift txn spent",
    "rate": "review rating rate star score comment evaluate evaluation grade opinion stars",
    "checkout": "checkout",
    "like": "like favorite favourite favor favour fav love upvote thumbsup heart superlike enjoy "
    "interest interested relevant helpful useful want good positive endorse recommend adore clap kudos "
    "applaud great",
    "save": "upgrade schedule bookmark save wishlist watchlist shortlist wish follow share repost "
    "retweet download install collect pin clip refer vote react reaction accept approve approval join "
    "repeat inquire inquiry enquiry enquire contact call copy chat reply lead bid match checkin tip "
    "shelf shelve queue notifyme installation interview",
    "cart": "cart basket atc trolley",
    "play": "play watch listen read stream dwell playback hours hour playtime watchtime readtime "
    "scrobble autoplay consume consumption replay minutes seconds",
    "click": "click clickout clickthrough tap select selection choose chose chosen press outlink",
    "complete": "endplay complete completion finish finalize finalise success succeed successful "
    "succeeded done confirm confirmation end apply",
    "add": "add addition increase put",
    "start": "start begin began begun initiate resume continue try launch attempt progress",
    "open": "open expand",
    "detail": "detail",
    "view": "view pageview visit browse see seen saw look pv preview quickview inspect examine viewed "
    "glance screenview",
    "exposure": "impression exposure shown display displayed impress imp expose visible render viewable "
    "appear unseen",
    "soft": "downgrade active pagination show serve search query searched scroll load unload list "
    "listview ranked available unavailable category home homepage result session app application suggest "
    "suggestion recommendation recommended recs rec reco offer propose promote promotion promo banner "
    "campaign rank ranking returning leave left exit quit stop pause seek buffer buffering next previous "
    "back forward rewind swipe hover mouseover mouseout zoom focus blur ping engagement engage update "
    "change edit modify refresh reload close background foreground deeplink navigate navigation route "
    "form survey menu tab receive fetch prefetch autocomplete enter popup modal tooltip carousel widget "
    "bounce idle wakeup onboarding tutorial tour compare price stock inventory restock outbid ship "
    "shipment shipping dispatch deliver delivery delivered more",
    "mail": "email mail push sms notification newsletter message inbox alert",
    "sent": "send sent",
    "matter": "coupon voucher discount promocode code card address method",
    "hard": "filter sort sorting facet preference consent setting language currency location login "
    "logout logon logoff signin signout signup register registration registered logged log auth "
    "authenticate authentication account password cookie terms error exception crash fail failed failure "
    "timeout invalid expire expired expiry expiration experiment ab abtest abtesting variant heartbeat "
    "keepalive healthcheck debug telemetry firstvisit captcha geolocation permission system",
    "skip": "skip fwd snooze ignore dnf fastforward",
    "remove": "remove removal delete deletion erase clear discard abandon abandonment abandoned drop "
    "dropped exclude decrease deselect detach trash empty unsave",
    "decline": "decline deny denied denial",
    "cancel": "cancel cancellation void revoke withdraw withdrew withdrawn withdrawal terminate "
    "termination chargeback reverse reversal",
    "dismiss": "churn uninstall unsubscription deactivate dispute complain complaint dismiss dismissal "
    "retract",
    "return": "return refund rma giveback",
    "report": "report block flag hide hidden",
    "reject": "reject rejection refuse refusal nope veto disapprove disapproval",
    "dislike": "dislike hate ban mute downvote thumbsdown notinterested never spam negative irrelevant "
    "unhelpful uninterested less fewer blacklist blocklist abuse inappropriate offensive bad boring "
    "avoid disinterest disfavor disfavour silence misleading unwanted",
    "undo": "undo undone revert restore",
    "not": "not no non dont didnt doesnt isnt wasnt wont without",
    "and": "and then",
    "plain": "interaction interact event feedback action activity",
    "object": "format payload copyright input output lesson dropdown contactless notebook item product "
    "sku article video movie film song track artist album page content user customer member visitor "
    "client my your this that the a an to from in on of at by for with is was has be as it out off up "
    "down right button btn link image photo news post story place make made submit request issue web "
    "site mobile online ecommerce retail shop store game music podcast course class playlist info deal "
    "now later again id type name new old first last step cta box element component row tile thumb "
    "seller brand creator channel group room hotel flight job ad ads advert count number total time "
    "listing goods screen profile sign check thank part long short quick full auto single double multi "
    "bag mark level",
}
"""Senses of English words, base forms (and irregular or misleading ones)."""

PHRASES: dict[str, Sense] = {
    "swipe left": "dislike", "swipe right": "like", "thumb down": "dislike", "thumb up": "like",
    "vote down": "dislike", "vote up": "like", "charge back": "cancel", "not again": "dislike",
    "for me not": "dislike", "opt out": "dismiss", "sign up": "hard", "sign in": "hard",
    "sign out": "hard", "log in": "hard", "log out": "hard", "first visit": "hard", "sort order": "hard",
    "drop price": "soft", "a b": "hard", "my list": "save", "wish list": "save", "watch list": "save",
    "read list": "save", "add playlist": "save", "later save": "save", "later watch": "save",
    "later read": "save", "later listen": "save", "add bag": "cart", "spend time": "play",
    "spent time": "play", "add payment info": "checkout", "add shipping info": "checkout",
    "check in": "save", "check out": "checkout", "apply job": "buy", "application submit": "buy",
    "complete checkout": "buy", "checkout success": "buy", "place order": "buy",
    "purchase restore": "buy", "complete profile": "soft", "save profile": "soft", "ad view": "exposure",
    "no thank": "dislike", "later maybe": "skip", "load more": "soft", "show more": "soft",
    "see more": "soft", "learn more": "click", "notify me": "save", "lost interest": "dislike",
    "give back": "return", "send back": "return", "take out": "remove", "app store": "object",
    "session book": "buy", "add friend": "save", "quick view": "view", "pause subscription": "soft",
    "not finish": "skip", "not complete": "skip", "not show up": "dismiss", "ask question": "save",
    "request quote": "save", "info request": "save", "schedule tour": "save", "list page": "soft",
    "order history": "soft", "order status": "soft", "order track": "soft", "like page": "like",
    "turn off": "dismiss", "auto renew off": "dismiss", "home page": "soft", "watch ad": "soft",
    "out stock": "soft", "back stock": "soft", "price alert": "save", "moved wishlist": "save",
    "credit memo": "return", "credit note": "return", "credito nota": "return", "expose view": "view",
    "wyswietlenie reklamy": "exposure", "wyswietlenia reklamy": "exposure",
    "trade in": "soft", "profile enter": "view", "page profile": "view",
}  # fmt: skip
"""Senses of words that stand in one name, in any order, in base forms."""

OTHER_LANGUAGES: dict[Sense, str] = {
    "buy": "kauf* gekauft *kauf einkauf* bestell* bezahl* zahlung* buchung* gebucht achat* achet* "
    "commande commandes commandee commander paiement* paye payee vente ventes abonnement abonne compra* "
    "compre compro pedido* encargo pago pagos pagado pagar venta ventas acquist* comprat* ordine ordini "
    "ordinat* pagat* pagam* vendita vendite prenot* venda vendas encomend* assinatura assinou reserva "
    "reservas reservad* reservar zakup* kupi* kupno zamow* platnosc* sprzedaz* rezerw* oplac* покуп* "
    "купи* купл* заказ* оплат* продаж* брониров* приобр* satin siparis* odeme* satis satislar rezervas* "
    "kopen gekocht aankoop bestelling koop kop kopt bestallning nakup objednav* rechnung rechnungen "
    "fattura fatture factura facturas facture factures faktura faktury fatura faturas factuur",
    "rate": "bewert* rezension* note notes notee noter avis evalu* valora* resen* puntua* calific* "
    "valut* recens* voto avalia* ocen* recenz* opini* оцен* рейтинг* отзыв* puan* degerlendir* yorum* "
    "kommentar* commentaire* comentar* coment* commento commenti komentar* коммент* beoordel*",
    "checkout": "kasse caisse",
    "like": "favorit* favori* gefallt* gefaellt* gefall* geliebt interesse interessiert aime* prefere "
    "preferes preferee gusta* gusto interesado interesa* interessat* piac* preferit* curti* gost* ador* "
    "ulubion* polub* lubi* podoba* interesuj* избран* лайк* нрав* понрав* интерес* люби* begen* ilgin* "
    "interesante interessant* zainteresow*",
    "save": "merkliste* merkzettel* gemerkt wunschliste* wunschzettel* gespeichert geteilt teilen "
    "abonniert gefolgt folgen souhait* envies sauvegard* enregistr* partag* suivi* suivre telecharg* "
    "deseos guardad* guardar compartir compartid* seguir seguid* descarg* desider* salvat* salvato "
    "condivi* seguit* scaric* desejos salvar salvou salvo compartilh* baixou baixad* zapisan* obserwuj* "
    "obserwow* udostep* pobran* pobier* сохран* подпис* подели* скач* желан* отлож* kaydet* takip* "
    "paylas* istek* indirme indirildi bewaar*",
    "cart": "warenkorb* einkaufswagen* einkaufskorb* panier* carrit* cesta* cesto carrell* carrinh* "
    "koszyk* корзин* sepet* winkelwagen* kosik*",
    "play": "abgespiel* wiedergab* wiedergegeben angehort geschaut gelesen ecout* lecture* regarde* lu "
    "reproduc* escuch* leid* ascolt* riprodott* riproduz* guardato letto reproduz* ouvir ouviu ouvid* "
    "assistido assistir assistiu odtworz* odtwarz* sluch* przeczyt* прослуш* воспроизв* прочит* чтени* "
    "смотр* izle* dinle* okundu okuma",
    "click": "klick* geklickt *klick angeklickt clic* clique* clicc* klik* kliknie* клик* нажат* tikla* "
    "tiklama pulsad* ausgewahlt ausgewaehlt",
    "complete": "abgeschlossen termine terminee terminado terminato complet* conclu* zakonczon* заверш* "
    "tamamla* finaliz* valide validee aufgegeben realizad*",
    "add": "hinzu* ajout* anad* agreg* aggiun* adicion* dodan* dodaj* добав* ekle* toegevoegd",
    "start": "gestartet begonnen commence* iniciad* iniziat* rozpocz* начат* basla*",
    "open": "geoffnet geoeffnet ouvert ouverte abiert* apert* abert* otwart* открыт* acildi acma",
    "view": "ansicht* *ansicht angesehen angeschaut gesehen besuch* aufruf* *aufruf aufgerufen vue vues "
    "vu vus voir consulte* visionn* vista vistas visto vistos vedut* visualiz* visualis* visita* visite* "
    "visitou wyswietl* obejrz* odwiedz* przegl* просм* посещ* goruntule* incele* ziyaret* bekeken "
    "weergave",
    "exposure": "einblendung* eingeblendet angezeigt anzeige* affich* impression* impresion* impressa* "
    "impressao impressoes impressione impressioni esposizion* exposici* exposic* gosterim* показ* "
    "odslon* mostrad* mostrat*",
    "soft": "suche suchen gesucht suchanfrage* *suche recherch* busc* busqued* ricerc* cerca* pesquis* "
    "szuk* wyszuk* поиск* искат* arama* geladen zoek* ergebnis* resultat* risultat* wynik* sonuc*",
    "hard": "anmeld* abmeld* einlogg* ausgelogg* registrier* connexion* deconnexion* inscription* "
    "inscripcion sesion iniciosesion accesso accedi registro cadastro* zalog* logowan* wylog* rejestrac* "
    "вход* выход* регистрац* авториз* ошибк* giris* cikis* kayit* fehler* erreur* errore* erro blad "
    "hata*",
    "skip": "ubersprung* uebersprung* passe passee saute* saltad* saltat* saltar omitid* omitir pular "
    "pulou pulad* pomin* пропу* atlandi atlama atla overgeslagen",
    "remove": "entfern* gelosch* geloesch* losch* loesch* abgebrochen *abbruch abbruch supprim* efface* "
    "retire retiree retires retirer retirad* enleve* elimin* quita* borrad* borrar rimoss* rimuov* tolto "
    "cancella* apagad* apagou exclui* remov* usun* удал* убра* kaldir* silindi sil cikar* verwijder* "
    "abandonn*",
    "decline": "declin* отклон*",
    "cancel": "storn* widerruf* annul* anul* cancel* resilie* otkaz* отмен* отказ* iptal* vazgec* "
    "geannuleerd kansell* makuler* avbestill* avbestall* zrusen* скасов* dibatalkan batal pembatalan "
    "peruttu",
    "dismiss": "abbestell* desabonn* reklamac* reclam* жалоб* sikayet* beschwerde* desinstal* "
    "disinstall* deinstall* desinscri* kundig* kuendig* gekundigt gekuendigt",
    "return": "retour* geretour* ruckgab* rueckgab* rucksend* ruecksend* zuruckge* zurueckge* erstatt* "
    "ruckerstatt* rueckerstatt* rembours* devol* devuel* reembols* reintegr* restitu* rimbors* reso resi "
    "rendu zwrot* zwroc* возвр* iade* geriodeme teruggave retourner* reintegro refunder* aterbetal* retur "
    "returner* returnat* vracen* vratk* поверн* pengembalian dikembalikan terugbetaa* tilbagebetal* "
    "tilbakebetal* palautettu gutschrift* avoir avoirs korekta",
    "report": "gemeldet ausgeblend* versteck* verborgen gesperrt blockier* bloqu* blocca* masqu* "
    "signale* ocult* nascost* nascond* segnala* denunci* zablok* ukry* zglos* заблок* скрыт* скрыл* "
    "engelle* gizle*",
    "reject": "abgelehn* ablehn* rejet* refus* rechaz* rifiut* recus* rejeit* odrzuc* reddet* reddedil*",
    "dislike": "missfall* missfaellt desinteress* deteste* odio nielubi* дизлайк* descurti* begenme "
    "begenmedi* begenmeme* desagrad* disgust*",
    "undo": "ruckgangig rueckgaengig",
    "not": "nicht kein* keine pas ne nao nie не нет degil jamais nunca mai",
}  # fmt: skip
"""Senses of words and stems (with a star) of European languages."""

EAST_ASIAN: dict[Sense, str] = {
    "buy": "购买 購買 下单 下單 支付 付款 成交 订购 訂購 预订 预定 已购 买单 买 订单 交易 购物 订阅 报名 "
    "打赏 充值 销售 銷售 売上 販売 매출 판매 購入 注文 決済 予約 買う 購読 구매 구입 주문 결제 예약 구독 "
    "購買完了",
    "rate": "评分 評分 评价 評價 评论 評論 打分 好评 点评 星级 評価 レビュー 口コミ コメント 採点 평점 "
    "평가 리뷰 댓글 별점",
    "checkout": "结算 結帳 结账 レジ 체크아웃",
    "like": "点赞 點讚 点贊 喜欢 喜歡 感兴趣 感興趣 想要 赞 いいね 高評価 お気に入り 好き 興味あり "
    "좋아요 찜 관심 추천해요",
    "save": "收藏 关注 關注 分享 转发 轉發 下载 下載 保存 想看 稍后 追剧 预约 ブックマーク 共有 シェア "
    "フォロー ダウンロード あとで 저장 공유 팔로우 다운로드 북마크 위시리스트 구독하기",
    "cart": "加购 加購 购物车 購物車 加车 カート 買い物かご 장바구니 카트 담기",
    "play": "播放 观看 觀看 收听 阅读 閱讀 听 停留 時長 时长 看完 再生 視聴 聴取 読む 読了 재생 시청 "
    "청취 읽기",
    "click": "点击 點擊 点选 クリック タップ 選択 클릭 탭 선택",
    "complete": "完成 成功 完播 完了 成立 완료 성공",
    "add": "加入 添加 新增 追加 추가",
    "start": "开始 開始 시작",
    "open": "打开 開く 열기",
    "view": "浏览 瀏覽 查看 访问 訪問 看 閲覧 詳細 详情 見る 조회 열람 방문 보기 상세",
    "exposure": "曝光 展示 展现 露出 显示 インプレッション 表示 노출 표시",
    "soft": "搜索 搜尋 检索 查询 推送 推荐 启动 下发 滑动 滚动 加载 刷新 退出 首页 列表 会话 检索结果 "
    "検索 起動 スクロール おすすめ 推薦 セッション 登録 배너 검색 추천 스크롤 실행 알림 세션 페이지로드 "
    "修改 更新",
    "hard": "登录 登錄 登入 注册 註冊 登出 注销 错误 失败 失敗 心跳 ログイン ログアウト 会員登録 "
    "新規登録 エラー 로그인 로그아웃 회원가입 가입 오류 실패",
    "skip": "跳过 略过 划过 快进 スキップ 건너뛰기 스킵 忽略",
    "remove": "删除 刪除 移除 移出 清空 减少 削除 解除 除去 삭제 제거 빼기 해제",
    "decline": "辞退",
    "cancel": "取消 撤销 キャンセル 取り消し 취소 철회",
    "dismiss": "退订 取关 卸载 投诉 解約 アンインストール 해지 언팔로우",
    "return": "退款 退货 退貨 退单 退换 返品 返金 払い戻し 반품 환불 교환반품",
    "report": "举报 檢舉 屏蔽 拉黑 隐藏 隱藏 封禁 通報 ブロック 非表示 ミュート 차단 신고 숨기기 숨김",
    "reject": "拒绝 拒絕 拒收 拒否 却下 거절 거부",
    "dislike": "不感兴趣 不感興趣 不喜欢 不喜歡 点踩 點踩 踩 讨厌 差评 没兴趣 无兴趣 不再推荐 减少推荐 "
    "低評価 興味なし 興味がない 嫌い よくないね 싫어요 관심없음 별로예요",
    "undo": "恢复 元に戻す 되돌리기",
    "not": "未 没有 没 不 无 非 ない なし 未満 안함 없음 미",
}  # fmt: skip
"""Senses of Chinese, Japanese and Korean words, found inside a text."""

EMOJI: dict[str, str] = {
    "👍": "like", "❤": "like", "♥": "like", "😍": "like", "👏": "like", "⭐": "save", "🔖": "save",
    "👎": "dislike", "💔": "dislike", "🚫": "dislike", "🛒": "cart",
}  # fmt: skip
"""Base forms that stand for signs."""

ValueKind = Literal["rating", "quantity", "plays", "time", "price", "unknown"]
"""What a column of numbers holds: ``plays`` is a count of repetitions, ``time`` a time spent or the share of
one, ``unknown`` says nothing."""

Amount = Literal["rating", "quantity", "unit", "count", "time", "money"]

AMOUNTS: dict[Amount, str] = {
    "rating": "rating overall score grade stars star 分数 分數 得分 스코어",
    "quantity": "quantity qty quantities menge stuckzahl stueckzahl quantite cantidad quantita quantidade "
    "ilosc количество miktar adet aantal 数量 數量 件数 件數 個数 수량",
    "unit": "unit piece pcs pc stuck stueck",
    "count": "count cnt num n plays playcount times frequency freq occurrences nb repetitions listens "
    "visits clicks views hits scrobbles counts number anzahl nombre numero liczba число sayi "
    "次数 次數 回数 횟수",
    "time": "time hour hours hrs seconds secs second sec minutes minute mins millis milliseconds ms duration "
    "dwell playtime watchtime readtime runtime elapsed spent ratio percent percentage pct completion "
    "progress dauer spielzeit stunden sekunden minuten duree duracion durata duracao czas dlugosc "
    "длительность sure saniye 时长 時長 停留 時間 시간",
    "money": "price cost revenue sale sales amount total subtotal spend paid money usd eur gbp cny jpy inr "
    "brl dollars euros currency discount disc fee tax gmv turnover margin income payment fare preis betrag "
    "umsatz prix montant precio importe prezzo importo preco cena kwota цена сумма стоимость fiyat tutar "
    "价格 價格 金额 金額 单价 單價 価格 가격 금액",
}
"""What a word in the name of a column of numbers says of them."""
