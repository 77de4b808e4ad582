PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE tacit_meta (
	"key" VARCHAR(64) NOT NULL, 
	value TEXT, 
	PRIMARY KEY ("key")
);
INSERT INTO tacit_meta VALUES('version','1');
CREATE TABLE tacit_event (
	number INTEGER NOT NULL, 
	event_id VARCHAR(256) NOT NULL, 
	subject VARCHAR(8) NOT NULL, 
	subject_id VARCHAR(256) NOT NULL, 
	item_id VARCHAR(256) NOT NULL, 
	event VARCHAR(256) NOT NULL, 
	at FLOAT NOT NULL, 
	value FLOAT, 
	digest BLOB NOT NULL, 
	PRIMARY KEY (number), 
	UNIQUE (event_id)
);
INSERT INTO tacit_event VALUES(1,'e1','user','ünï/ <&>東','i1','view',1700000000.25,NULL,X'c34dc75bf16f816b874cb9f46d6c58fe03a66f664ff5a02ebc2e2c3a69e530b5');
INSERT INTO tacit_event VALUES(2,'e2','user','u''; DROP TABLE tacit_event; --','i\2','purchase',1700000001.0,19.989999999999998436,X'28717073e982e1746416baf27cc3d834da5ad1b697c5590c9fb91c7d8976ad89');
INSERT INTO tacit_event VALUES(3,'e3','session','s1','i1','view',1700000000.0,0.0,X'9c23582afd99c6edfd123f175150a218b0c3143be21d32589273c985d41c88c5');
INSERT INTO tacit_event VALUES(4,'e4','session','s1','i3','rating',1699999999.0,1.000000000000000025e-300,X'e61af94cba59c0023d18412391f360f140b69abd023d232fd20f4c1da345b479');
CREATE TABLE tacit_item (
	item_id VARCHAR(256) NOT NULL, 
	attributes TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (item_id)
);
INSERT INTO tacit_item VALUES('i1','{"title": "Kettle", "price": 2.5, "tags": ["x", "東"]}',5.0);
INSERT INTO tacit_item VALUES('i3','{"available": false}',5.0);
CREATE TABLE tacit_exposure (
	recommendation_id VARCHAR(36) NOT NULL, 
	subject VARCHAR(8) NOT NULL, 
	subject_id VARCHAR(256), 
	model VARCHAR(64) NOT NULL, 
	items TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (recommendation_id)
);
INSERT INTO tacit_exposure VALUES('00000000-0000-0000-0000-000000000000','user','u1','m','["i1", "i3"]',1700000002.5);
INSERT INTO tacit_exposure VALUES('00000000-0000-0000-0000-000000000001','user','u1','m','["i1", "i3"]',1700000002.5);
INSERT INTO tacit_exposure VALUES('00000000-0000-0000-0000-000000000002','user','u1','m','["i1", "i3"]',1700000002.5);
CREATE INDEX tacit_event_by_subject ON tacit_event (subject, subject_id, at);
COMMIT;
