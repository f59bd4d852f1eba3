BEGIN TRANSACTION;
CREATE TABLE answers (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	clip_id INTEGER NOT NULL, 
	person TEXT NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	class_id INTEGER, 
	asked_id INTEGER, 
	seconds FLOAT, 
	at FLOAT NOT NULL, 
	round INTEGER, 
	why VARCHAR(16) NOT NULL, 
	undoes INTEGER, 
	client_key VARCHAR(64), 
	FOREIGN KEY(clip_id) REFERENCES clips (id), 
	FOREIGN KEY(class_id) REFERENCES classes (id), 
	FOREIGN KEY(asked_id) REFERENCES asked (id), 
	FOREIGN KEY(undoes) REFERENCES answers (id), 
	UNIQUE (client_key)
);
INSERT INTO "answers" VALUES(1,0,'ann','label',1,1,1.0,1.79576348135100674627e+09,NULL,'initial',NULL,NULL);
INSERT INTO "answers" VALUES(2,5,'ann','label',2,2,1.0,1.79576348135789394381e+09,NULL,'initial',NULL,NULL);
INSERT INTO "answers" VALUES(3,4,'ann','label',1,3,1.0,1.79576348136074519156e+09,NULL,'initial',NULL,NULL);
INSERT INTO "answers" VALUES(4,2,'ann','label',1,4,1.0,1.7957634813632314205e+09,NULL,'initial',NULL,NULL);
INSERT INTO "answers" VALUES(5,7,'ann','label',2,5,1.0,1.79576348136668562886e+09,NULL,'initial',NULL,NULL);
INSERT INTO "answers" VALUES(6,6,'ann','label',1,6,1.0,1.79576348137111496921e+09,NULL,'initial',NULL,NULL);
CREATE TABLE asked (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	clip_id INTEGER NOT NULL, 
	person TEXT NOT NULL, 
	round INTEGER, 
	reason VARCHAR(16) NOT NULL, 
	leased_at FLOAT NOT NULL, 
	expires_at FLOAT NOT NULL, 
	guess INTEGER, 
	guess_probability FLOAT, 
	answer_id INTEGER, 
	FOREIGN KEY(clip_id) REFERENCES clips (id), 
	FOREIGN KEY(guess) REFERENCES classes (id)
);
INSERT INTO "asked" VALUES(1,0,'ann',NULL,'initial',1.79576348134448337558e+09,1.79576348135100674627e+09,NULL,NULL,1);
INSERT INTO "asked" VALUES(2,5,'ann',NULL,'initial',1.79576348135612487788e+09,1.79576348135789394381e+09,NULL,NULL,2);
INSERT INTO "asked" VALUES(3,4,'ann',NULL,'initial',1.79576348135938978199e+09,1.79576348136074519156e+09,NULL,NULL,3);
INSERT INTO "asked" VALUES(4,2,'ann',NULL,'initial',1.79576348136201500898e+09,1.7957634813632314205e+09,NULL,NULL,4);
INSERT INTO "asked" VALUES(5,7,'ann',NULL,'initial',1.79576348136473417285e+09,1.79576348136668562886e+09,NULL,NULL,5);
INSERT INTO "asked" VALUES(6,6,'ann',NULL,'initial',1.79576348136896777156e+09,1.79576348137111496921e+09,NULL,NULL,6);
CREATE TABLE classes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	"key" VARCHAR(1), 
	added_at FLOAT NOT NULL, 
	UNIQUE (name), 
	UNIQUE ("key")
);
INSERT INTO "classes" VALUES(1,'low',0,'1',1.79576348113857746117e+09);
INSERT INTO "classes" VALUES(2,'high',1,'2',1.79576348129434680937e+09);
CREATE TABLE clips (
	id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	start FLOAT, 
	"end" FLOAT, 
	problem TEXT, 
	open BOOLEAN NOT NULL, 
	lot INTEGER NOT NULL, 
	kind VARCHAR(8), 
	class_id INTEGER, 
	answer_id INTEGER, 
	n_people INTEGER NOT NULL, 
	n_agree INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "clips" VALUES(0,'0000.wav',0.0,0.1,NULL,0,1722792822,'label',1,1,1,1);
INSERT INTO "clips" VALUES(1,'0001.wav',0.0,0.1,NULL,1,2024942974,NULL,NULL,NULL,0,0);
INSERT INTO "clips" VALUES(2,'0002.wav',0.0,0.1,NULL,0,11774666,'label',1,4,1,1);
INSERT INTO "clips" VALUES(3,'0003.wav',0.0,0.1,NULL,1,679328861,NULL,NULL,NULL,0,0);
INSERT INTO "clips" VALUES(4,'0004.wav',0.0,0.1,NULL,0,1629899285,'label',1,3,1,1);
INSERT INTO "clips" VALUES(5,'0005.wav',0.0,0.1,NULL,0,1551218896,'label',2,2,1,1);
INSERT INTO "clips" VALUES(6,'0006.wav',0.0,0.1,NULL,0,451211816,'label',1,6,1,1);
INSERT INTO "clips" VALUES(7,'0007.wav',0.0,0.1,NULL,0,269730571,'label',2,5,1,1);
CREATE TABLE models (
	id INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	created FLOAT NOT NULL, 
	n_labels INTEGER NOT NULL, 
	classes JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(round) REFERENCES rounds (id)
);
INSERT INTO "models" VALUES(1,0,'models/round-0000.joblib',1.79576348139886593814e+09,6,'["high", "low"]');
CREATE TABLE predictions (
	clip_id INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	class_id INTEGER NOT NULL, 
	probability FLOAT NOT NULL, 
	PRIMARY KEY (clip_id), 
	FOREIGN KEY(clip_id) REFERENCES clips (id), 
	FOREIGN KEY(class_id) REFERENCES classes (id)
);
INSERT INTO "predictions" VALUES(1,0,2,9.84391391277313232421e-01);
INSERT INTO "predictions" VALUES(3,0,2,9.98982965946197509765e-01);
CREATE TABLE queue (
	reason VARCHAR(16) NOT NULL, 
	rank INTEGER NOT NULL, 
	round INTEGER, 
	clip_id INTEGER NOT NULL, 
	score FLOAT, 
	PRIMARY KEY (reason, rank), 
	FOREIGN KEY(clip_id) REFERENCES clips (id)
);
INSERT INTO "queue" VALUES('chosen',0,0,1,NULL);
INSERT INTO "queue" VALUES('chosen',1,0,3,NULL);
CREATE TABLE rounds (
	id INTEGER NOT NULL, 
	started FLOAT NOT NULL, 
	ended FLOAT, 
	n_labels INTEGER NOT NULL, 
	status VARCHAR(8) NOT NULL, 
	strategy TEXT, 
	record JSON, 
	message TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "rounds" VALUES(0,1.79576348137694287304e+09,1.79576348139886593814e+09,6,'done','MarginSampling()','{"batch": [[0, "low"], [5, "high"], [4, "low"], [2, "low"], [7, "high"], [6, "low"]], "pool": "02d6da09d8ea63ad", "classes": ["high", "low"], "campaign": null, "agreement": null, "seconds_fit": 0.006024206999427406, "n_trained": 6}',NULL);
CREATE TABLE settings (
	"key" VARCHAR(64) NOT NULL, 
	value JSON NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "settings" VALUES('version',1);
INSERT INTO "settings" VALUES('created',1.79576348113596725468e+09);
INSERT INTO "settings" VALUES('n_instances',2);
INSERT INTO "settings" VALUES('audit_share',0);
INSERT INTO "settings" VALUES('shared_share',0);
INSERT INTO "settings" VALUES('lease',600);
INSERT INTO "settings" VALUES('show_guess','false');
INSERT INTO "settings" VALUES('window',0.1);
INSERT INTO "settings" VALUES('hop','null');
INSERT INTO "settings" VALUES('random_state',0);
INSERT INTO "settings" VALUES('recordings','"/tmp/wt-recog2/make/recordings"');
CREATE TABLE states (
	clip_id INTEGER NOT NULL, 
	person TEXT NOT NULL, 
	answer_id INTEGER NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	class_id INTEGER, 
	PRIMARY KEY (clip_id, person), 
	FOREIGN KEY(clip_id) REFERENCES clips (id), 
	FOREIGN KEY(answer_id) REFERENCES answers (id), 
	FOREIGN KEY(class_id) REFERENCES classes (id)
);
INSERT INTO "states" VALUES(0,'ann',1,'label',1);
INSERT INTO "states" VALUES(5,'ann',2,'label',2);
INSERT INTO "states" VALUES(4,'ann',3,'label',1);
INSERT INTO "states" VALUES(2,'ann',4,'label',1);
INSERT INTO "states" VALUES(7,'ann',5,'label',2);
INSERT INTO "states" VALUES(6,'ann',6,'label',1);
CREATE INDEX clips_by_answer ON clips (answer_id);
CREATE INDEX clips_by_problem ON clips (id) WHERE problem IS NOT NULL;
CREATE INDEX clips_by_path ON clips (path);
CREATE INDEX clips_by_people ON clips (n_people);
CREATE INDEX clips_by_kind ON clips (kind, class_id);
CREATE INDEX clips_by_lot ON clips (open, lot);
CREATE INDEX asked_by_reason ON asked (reason);
CREATE INDEX asked_by_person ON asked (person, expires_at);
CREATE INDEX asked_by_clip ON asked (clip_id);
CREATE INDEX answers_undone ON answers (undoes);
CREATE INDEX answers_by_person ON answers (person, id);
CREATE INDEX answers_by_clip ON answers (clip_id, person);
CREATE INDEX states_by_answer ON states (answer_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('classes',2);
INSERT INTO "sqlite_sequence" VALUES('asked',6);
INSERT INTO "sqlite_sequence" VALUES('answers',6);
COMMIT;