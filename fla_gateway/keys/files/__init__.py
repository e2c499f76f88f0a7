"""Files of keys and certificates as bytes: what they hold, before any rule of the channel is applied."""
