BEGIN TRANSACTION;
CREATE TABLE answers (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	clip_id INTEGER NOT NULL, 
	person TEXT NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	class_id INTEGER, 
	question_id INTEGER, 
	seconds FLOAT, 
	at FLOAT NOT NULL, 
	round INTEGER, 
	reason VARCHAR(16) NOT NULL, 
	undoes INTEGER, 
	client_key VARCHAR(64), 
	FOREIGN KEY(clip_id) REFERENCES clips (id), 
	FOREIGN KEY(class_id) REFERENCES classes (id), 
	FOREIGN KEY(question_id) REFERENCES questions (id), 
	FOREIGN KEY(undoes) REFERENCES answers (id), 
	UNIQUE (client_key)
);
INSERT INTO "answers" VALUES(1,2,'ann','label',1,1,1.0,1.795756799988197565e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(2,5,'ann','label',2,2,1.0,1.79575680000475692752e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(3,1,'ann','label',2,3,1.0,1.79575680001468586917e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(4,6,'ann','label',1,4,1.0,1.79575680002697634697e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(5,11,'bob','skip',NULL,5,NULL,1.7957568000368635654e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(6,0,'bob','label',1,6,1.0,1.79575680005484962465e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(7,9,'bob','label',2,7,1.0,1.79575680006807208068e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(8,9,'bob','undo',NULL,NULL,NULL,1.79575680007849144935e+09,NULL,'random',7,NULL);
INSERT INTO "answers" VALUES(9,9,'bob','label',2,8,1.0,1.79575680008949565887e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(10,0,'bob','label',2,NULL,NULL,1.7957568000982313156e+09,NULL,'relabeled',NULL,NULL);
CREATE TABLE classes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	"key" VARCHAR(1), 
	UNIQUE (name), 
	UNIQUE ("key")
);
INSERT INTO "classes" VALUES(1,'low',0,'1');
INSERT INTO "classes" VALUES(2,'high',1,'2');
INSERT INTO "classes" VALUES(3,'noise',2,'3');
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
INSERT INTO "clips" VALUES(0,'0000.wav',NULL,NULL,NULL,0,655775175,'label',2,10,1,1);
INSERT INTO "clips" VALUES(1,'0001.wav',NULL,NULL,NULL,0,1713389556,'label',2,3,1,1);
INSERT INTO "clips" VALUES(2,'0002.wav',NULL,NULL,NULL,0,437866878,'label',1,1,1,1);
INSERT INTO "clips" VALUES(3,'0003.wav',NULL,NULL,NULL,1,114018245,NULL,NULL,NULL,0,0);
INSERT INTO "clips" VALUES(4,'0004.wav',NULL,NULL,NULL,1,1749044102,NULL,NULL,NULL,0,0);
INSERT INTO "clips" VALUES(5,'0005.wav',NULL,NULL,NULL,0,1269916853,'label',2,2,1,1);
INSERT INTO "clips" VALUES(6,'0006.wav',NULL,NULL,NULL,0,1356723049,'label',1,4,1,1);
INSERT INTO "clips" VALUES(7,'0007.wav',NULL,NULL,NULL,1,1865787787,NULL,NULL,NULL,0,0);
INSERT INTO "clips" VALUES(8,'0008.wav',NULL,NULL,NULL,1,1952089888,NULL,NULL,NULL,0,0);
INSERT INTO "clips" VALUES(9,'0009.wav',NULL,NULL,NULL,0,1566245007,'label',2,9,1,1);
INSERT INTO "clips" VALUES(10,'0010.wav',NULL,NULL,NULL,1,1574257496,NULL,NULL,NULL,0,0);
INSERT INTO "clips" VALUES(11,'0011.wav',NULL,NULL,NULL,1,363270669,'skip',NULL,5,1,1);
CREATE TABLE predictions (
	clip_id INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	class_id INTEGER NOT NULL, 
	probability FLOAT NOT NULL, 
	PRIMARY KEY (clip_id), 
	FOREIGN KEY(clip_id) REFERENCES clips (id), 
	FOREIGN KEY(class_id) REFERENCES classes (id)
);
CREATE TABLE questions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	clip_id INTEGER NOT NULL, 
	person TEXT NOT NULL, 
	round INTEGER, 
	reason VARCHAR(16) NOT NULL, 
	expires_at FLOAT NOT NULL, 
	guess INTEGER, 
	guess_probability FLOAT, 
	answer_id INTEGER, 
	FOREIGN KEY(clip_id) REFERENCES clips (id), 
	FOREIGN KEY(guess) REFERENCES classes (id)
);
INSERT INTO "questions" VALUES(1,2,'ann',NULL,'random',1.795756799988197565e+09,NULL,NULL,1);
INSERT INTO "questions" VALUES(2,5,'ann',NULL,'random',1.79575680000475692752e+09,NULL,NULL,2);
INSERT INTO "questions" VALUES(3,1,'ann',NULL,'random',1.79575680001468586917e+09,NULL,NULL,3);
INSERT INTO "questions" VALUES(4,6,'ann',NULL,'random',1.79575680002697634697e+09,NULL,NULL,4);
INSERT INTO "questions" VALUES(5,11,'bob',NULL,'random',1.7957568000368635654e+09,NULL,NULL,5);
INSERT INTO "questions" VALUES(6,0,'bob',NULL,'random',1.79575680005484962465e+09,NULL,NULL,6);
INSERT INTO "questions" VALUES(7,9,'bob',NULL,'random',1.79575680006807208068e+09,NULL,NULL,7);
INSERT INTO "questions" VALUES(8,9,'bob',NULL,'random',1.79575680008949565887e+09,NULL,NULL,9);
CREATE TABLE queue (
	reason VARCHAR(16) NOT NULL, 
	rank INTEGER NOT NULL, 
	round INTEGER, 
	clip_id INTEGER NOT NULL, 
	PRIMARY KEY (reason, rank), 
	FOREIGN KEY(clip_id) REFERENCES clips (id)
);
CREATE TABLE rounds (
	id INTEGER NOT NULL, 
	n_labels INTEGER NOT NULL, 
	status VARCHAR(8) NOT NULL, 
	record JSON, 
	message TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE settings (
	"key" VARCHAR(64) NOT NULL, 
	value JSON NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "settings" VALUES('version',2);
INSERT INTO "settings" VALUES('created',1.79575679995465826987e+09);
INSERT INTO "settings" VALUES('n_instances',10);
INSERT INTO "settings" VALUES('audit_share',0.1);
INSERT INTO "settings" VALUES('shared_share',0);
INSERT INTO "settings" VALUES('lease',600);
INSERT INTO "settings" VALUES('show_guess','false');
INSERT INTO "settings" VALUES('window','null');
INSERT INTO "settings" VALUES('hop','null');
INSERT INTO "settings" VALUES('random_state',7);
CREATE TABLE votes (
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
INSERT INTO "votes" VALUES(2,'ann',1,'label',1);
INSERT INTO "votes" VALUES(5,'ann',2,'label',2);
INSERT INTO "votes" VALUES(1,'ann',3,'label',2);
INSERT INTO "votes" VALUES(6,'ann',4,'label',1);
INSERT INTO "votes" VALUES(11,'bob',5,'skip',NULL);
INSERT INTO "votes" VALUES(9,'bob',9,'label',2);
INSERT INTO "votes" VALUES(0,'bob',10,'label',2);
CREATE INDEX clips_by_kind ON clips (kind, class_id);
CREATE INDEX clips_by_answer ON clips (answer_id);
CREATE INDEX clips_by_path ON clips (path);
CREATE INDEX clips_by_people ON clips (n_people);
CREATE INDEX clips_by_problem ON clips (id) WHERE problem IS NOT NULL;
CREATE INDEX clips_by_lot ON clips (open, lot);
CREATE INDEX questions_by_person ON questions (person, expires_at);
CREATE INDEX questions_by_clip ON questions (clip_id);
CREATE INDEX questions_by_reason ON questions (reason);
CREATE INDEX answers_undone ON answers (undoes);
CREATE INDEX answers_by_person ON answers (person, id);
CREATE INDEX answers_by_clip ON answers (clip_id, person);
CREATE INDEX votes_by_answer ON votes (answer_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('classes',3);
INSERT INTO "sqlite_sequence" VALUES('questions',8);
INSERT INTO "sqlite_sequence" VALUES('answers',10);
COMMIT;
