"""What trains and serves the networks of CNNClassifier; imports TensorFlow when it is used."""
