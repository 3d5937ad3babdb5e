# Rules that test, record and grade.
