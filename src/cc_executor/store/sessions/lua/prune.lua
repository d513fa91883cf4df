return drop_ended()
