"""Words that several groups use: names, places, the calendar. Never whole sentences."""
