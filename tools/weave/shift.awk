# A C shift with spaces around it is no chunk use: the name of a chunk never begins with a space.
/^@use  / { $0 = "@text <<" substr($0, 6) ">>" }
{ print }
