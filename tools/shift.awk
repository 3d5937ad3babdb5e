# usage: markup FILE... | gawk -f tools/shift.awk
# noweb reads the C text (a << 3) | (b >> 5) as the use of a chunk named " 3) | (b ".
# A chunk's name never begins with a space or =, and our shifts always do: turn such uses back into text.

/^@use [ =]/ {
    name = substr($0, 6)
    # In (a << 3) | <<hole>> the name reaches as far as the real use's end: give the real use back.
    if (match(name, /.*<</) && substr(name, RLENGTH + 1) ~ /^[^ =]/) {
        print "@text <<" substr(name, 1, RLENGTH - 2)
        print "@use " substr(name, RLENGTH + 1)
    } else
        print "@text <<" name ">>"
    next
}

{ print }
