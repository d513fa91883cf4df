return count_live()
