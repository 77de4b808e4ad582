CREATE TABLE public.tacit_event (
    number bigint NOT NULL,
    event_id character varying(256) NOT NULL,
    subject character varying(8) NOT NULL,
    subject_id character varying(256) NOT NULL,
    item_id character varying(256) NOT NULL,
    event character varying(256) NOT NULL,
    at double precision NOT NULL,
    value double precision,
    digest bytea NOT NULL
);
CREATE SEQUENCE public.tacit_event_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.tacit_event_number_seq OWNED BY public.tacit_event.number;
CREATE TABLE public.tacit_exposure (
    recommendation_id character varying(36) NOT NULL,
    subject character varying(8) NOT NULL,
    subject_id character varying(256),
    model character varying(64) NOT NULL,
    items text NOT NULL,
    at double precision NOT NULL
);
CREATE TABLE public.tacit_item (
    item_id character varying(256) NOT NULL,
    attributes text NOT NULL,
    at double precision NOT NULL
);
CREATE TABLE public.tacit_meta (
    key character varying(64) NOT NULL,
    value text
);
CREATE TABLE public.tacit_user (
    user_id character varying(256) NOT NULL,
    attributes text NOT NULL,
    at double precision NOT NULL
);
ALTER TABLE ONLY public.tacit_event ALTER COLUMN number SET DEFAULT nextval('public.tacit_event_number_seq'::regclass);
INSERT INTO public.tacit_event VALUES (1, 'e1', 'user', 'ünï/ <&>東', 'i1', 'view', 1700000000.25, NULL, '\xc34dc75bf16f816b874cb9f46d6c58fe03a66f664ff5a02ebc2e2c3a69e530b5');
INSERT INTO public.tacit_event VALUES (2, 'e2', 'user', 'u''; DROP TABLE tacit_event; --', 'i\2', 'purchase', 1700000001, 19.99, '\x28717073e982e1746416baf27cc3d834da5ad1b697c5590c9fb91c7d8976ad89');
INSERT INTO public.tacit_event VALUES (3, 'e3', 'session', 's1', 'i1', 'view', 1700000000, 0, '\x9c23582afd99c6edfd123f175150a218b0c3143be21d32589273c985d41c88c5');
INSERT INTO public.tacit_event VALUES (4, 'e4', 'session', 's1', 'i3', 'rating', 1699999999, 1e-300, '\xe61af94cba59c0023d18412391f360f140b69abd023d232fd20f4c1da345b479');
INSERT INTO public.tacit_exposure VALUES ('00000000-0000-0000-0000-000000000000', 'user', 'u1', 'm', '["i1", "i3"]', 1700000002.5);
INSERT INTO public.tacit_exposure VALUES ('00000000-0000-0000-0000-000000000001', 'user', 'u1', 'm', '["i1", "i3"]', 1700000002.5);
INSERT INTO public.tacit_exposure VALUES ('00000000-0000-0000-0000-000000000002', 'user', 'u1', 'm', '["i1", "i3"]', 1700000002.5);
INSERT INTO public.tacit_item VALUES ('i1', '{"title": "Kettle", "price": 2.5, "tags": ["x", "\u6771"]}', 5);
INSERT INTO public.tacit_item VALUES ('i3', '{"available": false}', 5);
INSERT INTO public.tacit_meta VALUES ('version', '1');
INSERT INTO public.tacit_user VALUES ('u1', '{"age": 34, "country": "NZ"}', 6);
INSERT INTO public.tacit_user VALUES ('u2', '{}', 6);
SELECT pg_catalog.setval('public.tacit_event_number_seq', 4, true);
ALTER TABLE ONLY public.tacit_event
    ADD CONSTRAINT tacit_event_event_id_key UNIQUE (event_id);
ALTER TABLE ONLY public.tacit_event
    ADD CONSTRAINT tacit_event_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.tacit_exposure
    ADD CONSTRAINT tacit_exposure_pkey PRIMARY KEY (recommendation_id);
ALTER TABLE ONLY public.tacit_item
    ADD CONSTRAINT tacit_item_pkey PRIMARY KEY (item_id);
ALTER TABLE ONLY public.tacit_meta
    ADD CONSTRAINT tacit_meta_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.tacit_user
    ADD CONSTRAINT tacit_user_pkey PRIMARY KEY (user_id);
CREATE INDEX tacit_event_by_subject ON public.tacit_event USING btree (subject, subject_id, at);
