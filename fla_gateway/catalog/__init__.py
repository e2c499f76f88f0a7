"""The known APIs of the channel, as data."""
