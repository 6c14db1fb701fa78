"""What a study's records say: pure functions of `StudyResults`; the order of records is nothing."""
