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
INSERT INTO "answers" VALUES(1,2,'ann','label',1,1,1.5,1.79574643223448395727e+09,NULL,'random',NULL,'ann-0-key');
INSERT INTO "answers" VALUES(2,5,'ann','label',2,2,1.5,1.79574643225869059557e+09,NULL,'random',NULL,'ann-1-key');
INSERT INTO "answers" VALUES(3,1,'ann','label',2,3,1.5,1.79574643226677417755e+09,NULL,'random',NULL,'ann-2-key');
INSERT INTO "answers" VALUES(4,6,'ann','label',1,4,1.5,1.79574643227442336083e+09,NULL,'random',NULL,'ann-3-key');
INSERT INTO "answers" VALUES(5,11,'ann','label',2,5,1.5,1.79574643228245806698e+09,NULL,'random',NULL,'ann-4-key');
INSERT INTO "answers" VALUES(6,0,'ann','label',1,6,1.5,1.79574643229063105583e+09,NULL,'random',NULL,'ann-5-key');
INSERT INTO "answers" VALUES(7,8,'ann','unsure',NULL,7,2.0,1.79574643229832339287e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(8,9,'ann','skip',NULL,8,2.0,1.79574643230135536195e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(9,10,'ann','bad',NULL,9,2.0,1.79574643230460262305e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(10,4,'ann','label',2,10,NULL,1.79574643231061601639e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(11,4,'ann','undo',NULL,NULL,NULL,1.79574643231425714489e+09,NULL,'random',10,NULL);
INSERT INTO "answers" VALUES(12,4,'ann','label',1,11,0.5,1.79574643232675909996e+09,NULL,'random',NULL,'again-key');
INSERT INTO "answers" VALUES(13,9,'bob','label',2,12,1.0,1.79574643233451628678e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(14,7,'bob','label',2,13,1.0,1.79574643234274959561e+09,NULL,'random',NULL,NULL);
INSERT INTO "answers" VALUES(15,3,'bob','label',1,NULL,NULL,1.7957464331482310295e+09,NULL,'relabeled',NULL,NULL);
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
INSERT INTO "asked" VALUES(1,2,'ann',NULL,'random',1.79574643221824240685e+09,1.79574643223448395727e+09,NULL,NULL,1);
INSERT INTO "asked" VALUES(2,5,'ann',NULL,'random',1.79574643225300240511e+09,1.79574643225869059557e+09,NULL,NULL,2);
INSERT INTO "asked" VALUES(3,1,'ann',NULL,'random',1.79574643226214933399e+09,1.79574643226677417755e+09,NULL,NULL,3);
INSERT INTO "asked" VALUES(4,6,'ann',NULL,'random',1.79574643227012205118e+09,1.79574643227442336083e+09,NULL,NULL,4);
INSERT INTO "asked" VALUES(5,11,'ann',NULL,'random',1.79574643227806448938e+09,1.79574643228245806698e+09,NULL,NULL,5);
INSERT INTO "asked" VALUES(6,0,'ann',NULL,'random',1.79574643228612470624e+09,1.79574643229063105583e+09,NULL,NULL,6);
INSERT INTO "asked" VALUES(7,8,'ann',NULL,'random',1.79574643229419732099e+09,1.79574643229832339287e+09,NULL,NULL,7);
INSERT INTO "asked" VALUES(8,9,'ann',NULL,'random',1.79574643229970073695e+09,1.79574643230135536195e+09,NULL,NULL,8);
INSERT INTO "asked" VALUES(9,10,'ann',NULL,'random',1.79574643230293869971e+09,1.79574643230460262305e+09,NULL,NULL,9);
INSERT INTO "asked" VALUES(10,4,'ann',NULL,'random',1.79574643230600285528e+09,1.79574643231061601639e+09,NULL,NULL,10);
INSERT INTO "asked" VALUES(11,4,'ann',NULL,'random',1.79574643231425714489e+09,1.79574643232675909996e+09,NULL,NULL,12);
INSERT INTO "asked" VALUES(12,9,'bob',NULL,'random',1.79574643233018517492e+09,1.79574643233451628678e+09,NULL,NULL,13);
INSERT INTO "asked" VALUES(13,7,'bob',NULL,'random',1.79574643233816146851e+09,1.79574643234274959561e+09,NULL,NULL,14);
INSERT INTO "asked" VALUES(14,3,'bob',0,'audit',1.79574643314225864407e+09,1.79574703314225864406e+09,2,9.74492371082305908203e-01,NULL);
CREATE TABLE classes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	"key" VARCHAR(1), 
	added_at FLOAT NOT NULL, 
	UNIQUE (name), 
	UNIQUE ("key")
);
INSERT INTO "classes" VALUES(1,'low',0,'1',1.79574643220593619351e+09);
INSERT INTO "classes" VALUES(2,'high',1,'2',1.79574643220887374874e+09);
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
INSERT INTO "clips" VALUES(0,'0000.wav',NULL,NULL,NULL,0,655775175,'label',1,6,1,1);
INSERT INTO "clips" VALUES(1,'0001.wav',NULL,NULL,NULL,0,1713389556,'label',2,3,1,1);
INSERT INTO "clips" VALUES(2,'0002.wav',NULL,NULL,NULL,0,437866878,'label',1,1,1,1);
INSERT INTO "clips" VALUES(3,'0003.wav',NULL,NULL,NULL,0,114018245,'label',1,15,1,1);
INSERT INTO "clips" VALUES(4,'0004.wav',NULL,NULL,NULL,0,1749044102,'label',1,12,1,1);
INSERT INTO "clips" VALUES(5,'0005.wav',NULL,NULL,NULL,0,1269916853,'label',2,2,1,1);
INSERT INTO "clips" VALUES(6,'0006.wav',NULL,NULL,NULL,0,1356723049,'label',1,4,1,1);
INSERT INTO "clips" VALUES(7,'0007.wav',NULL,NULL,NULL,0,1865787787,'label',2,14,1,1);
INSERT INTO "clips" VALUES(8,'0008.wav',NULL,NULL,NULL,0,1952089888,'unsure',NULL,7,1,1);
INSERT INTO "clips" VALUES(9,'0009.wav',NULL,NULL,'made up; for the test',0,1566245007,'label',2,13,1,1);
INSERT INTO "clips" VALUES(10,'0010.wav',NULL,NULL,NULL,0,1574257496,'bad',NULL,9,1,1);
INSERT INTO "clips" VALUES(11,'0011.wav',NULL,NULL,NULL,0,363270669,'label',2,5,1,1);
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
INSERT INTO "models" VALUES(1,0,'models/round-0000.joblib',1.79574643312619757658e+09,9,'["high", "low"]');
CREATE TABLE predictions (
	clip_id INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	class_id INTEGER NOT NULL, 
	probability FLOAT NOT NULL, 
	PRIMARY KEY (clip_id), 
	FOREIGN KEY(clip_id) REFERENCES clips (id), 
	FOREIGN KEY(class_id) REFERENCES classes (id)
);
INSERT INTO "predictions" VALUES(3,0,2,9.74492371082305908203e-01);
CREATE TABLE queue (
	reason VARCHAR(16) NOT NULL, 
	rank INTEGER NOT NULL, 
	round INTEGER, 
	clip_id INTEGER NOT NULL, 
	score FLOAT, 
	PRIMARY KEY (reason, rank), 
	FOREIGN KEY(clip_id) REFERENCES clips (id)
);
INSERT INTO "queue" VALUES('chosen',0,0,3,NULL);
INSERT INTO "queue" VALUES('audit',0,0,3,NULL);
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
INSERT INTO "rounds" VALUES(0,1.79574643304674768447e+09,1.79574643312619757658e+09,9,'done','MarginSampling()','{"batch": [[2, "low"], [5, "high"], [1, "high"], [6, "low"], [11, "high"], [0, "low"], [8, null], [10, null], [4, "low"], [9, "high"], [7, "high"]], "pool": "3e908878760ab932", "classes": ["high", "low"], "campaign": null, "agreement": null, "seconds_fit": 2.134100031980779e-05, "n_trained": 0}',NULL);
CREATE TABLE settings (
	"key" VARCHAR(64) NOT NULL, 
	value JSON NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "settings" VALUES('version',1);
INSERT INTO "settings" VALUES('created',1.79574643220021724701e+09);
INSERT INTO "settings" VALUES('n_instances',3);
INSERT INTO "settings" VALUES('audit_share',0.5);
INSERT INTO "settings" VALUES('shared_share',0.5);
INSERT INTO "settings" VALUES('lease',600);
INSERT INTO "settings" VALUES('show_guess','false');
INSERT INTO "settings" VALUES('window','null');
INSERT INTO "settings" VALUES('hop','null');
INSERT INTO "settings" VALUES('random_state',7);
INSERT INTO "settings" VALUES('recordings','"recordings"');
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
INSERT INTO "states" VALUES(2,'ann',1,'label',1);
INSERT INTO "states" VALUES(5,'ann',2,'label',2);
INSERT INTO "states" VALUES(1,'ann',3,'label',2);
INSERT INTO "states" VALUES(6,'ann',4,'label',1);
INSERT INTO "states" VALUES(11,'ann',5,'label',2);
INSERT INTO "states" VALUES(0,'ann',6,'label',1);
INSERT INTO "states" VALUES(8,'ann',7,'unsure',NULL);
INSERT INTO "states" VALUES(9,'ann',8,'skip',NULL);
INSERT INTO "states" VALUES(10,'ann',9,'bad',NULL);
INSERT INTO "states" VALUES(4,'ann',12,'label',1);
INSERT INTO "states" VALUES(9,'bob',13,'label',2);
INSERT INTO "states" VALUES(7,'bob',14,'label',2);
INSERT INTO "states" VALUES(3,'bob',15,'label',1);
CREATE INDEX clips_by_kind ON clips (kind, class_id);
CREATE INDEX clips_by_answer ON clips (answer_id);
CREATE INDEX clips_by_path ON clips (path);
CREATE INDEX clips_by_people ON clips (n_people);
CREATE INDEX clips_by_problem ON clips (id) WHERE problem IS NOT NULL;
CREATE INDEX clips_by_lot ON clips (open, lot);
CREATE INDEX asked_by_reason ON asked (reason);
CREATE INDEX asked_by_clip ON asked (clip_id);
CREATE INDEX asked_by_person ON asked (person, expires_at);
CREATE INDEX answers_by_clip ON answers (clip_id, person);
CREATE INDEX answers_by_person ON answers (person, id);
CREATE INDEX answers_undone ON answers (undoes);
CREATE INDEX states_by_answer ON states (answer_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('classes',2);
INSERT INTO "sqlite_sequence" VALUES('asked',14);
INSERT INTO "sqlite_sequence" VALUES('answers',15);
COMMIT;
