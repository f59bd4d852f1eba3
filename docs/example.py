from skal import ActiveLearningClassifier
from skal.audio import LogMelSpectrogram
from skal.datasets import make_sounds
from skal.models import CNNClassifier
from skal.strategies import MarginSampling

sounds = make_sounds(400, 4, random_state=0)
features = LogMelSpectrogram(sr=sounds.sr, n_fft=512, hop_length=400, n_mels=40)
X = features.transform(sounds.data)
y = sounds.target_names[sounds.target]

campaign = ActiveLearningClassifier(
    CNNClassifier(steps=100),  # a few steps are enough for sounds this simple
    MarginSampling(),
    n_initial=20,
    n_instances=30,
    budget=80,
    random_state=0,
)
campaign.fit(X[:300], y[:300], eval_set=(X[300:], y[300:]))
for record in campaign.history_:
    print(f"{record['n_labeled']} labels: accuracy {record['eval_accuracy']:.2f}")
