"""The way from an empty folder to a working call: questions, the page for the person at ChaMan, the configuration."""
