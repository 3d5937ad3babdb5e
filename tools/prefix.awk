# usage: ... | gawk -v upto=NN[:RUN] -f tools/prefix.awk
# Lets chapters up to NN pass (all of them if upto is empty), and of chapter NN only what stands before
# the end of its block "::: {.run #RUN ...}". Files outside of chapters/ pass whole.
# What is left out stays known to the filters behind this one, by lines of their own kind:
#   @later defn FILE:LINE NAME     @later use FILE:LINE NAME     @cut FILE:LINE RUN

function fail(message) {
    print message > "/dev/stderr"
    failed = 1
}

function later(kind, name) {
    if (name != "")
        print "@later", kind, file ":" line, name
}

BEGIN {
    split(upto, part, ":")
    number = part[1]
    run = part[2]
    if (number ~ /^[0-9]$/)
        number = "0" number
}

/^@file / {
    file = substr($0, 7)
    line = 1
    open = 0
    keep = 1
    last = 0
    if (match(file, /^chapters\/[0-9][0-9]-/) && upto != "") {
        chapter = substr(file, 10, 2)
        exists = exists " " chapter
        keep = chapter <= number
        last = chapter == number
        found = found || last
        if (last)
            last_file = file
    }
    if (keep)
        print
    next
}

# The documentation's lines are pieced together, since markup splits them at [[...]].
/^@begin docs/ { docs = 1; text = "" }
/^@begin code/ { docs = 0 }
/^@text / && docs { text = text substr($0, 7) }

last && docs && /^@nl$/ {
    if (text ~ /^:::+ *\{[^}]*\.run[^}]*\}/ && match(text, /#[A-Za-z0-9_-]+/)) {
        id = substr(text, RSTART + 1, RLENGTH - 1)
        runs = runs " " id
        inside = id == run
        if (inside)
            cut_line = line
    } else if (inside && text ~ /^:::+ *$/) {
        inside = 0
        at_cut = 1
    }
    text = ""
}

/^@nl$/ && docs { text = "" }

keep && (!/^@end (docs|code)/ || open) { print }
/^@begin/ && keep { open = 1 }
/^@end (docs|code)/ { open = 0 }

!keep && /^@defn / { later("defn", substr($0, 7)) }
!keep && /^@use / && !docs { later("use", substr($0, 6)) }

/^@(index )?nl$/ { line++ }

at_cut {
    # The rest of the file is dropped, from inside of a piece of documentation: end it.
    print "@end docs cut"
    print "@cut", file ":" cut_line, run
    at_cut = 0
    was_cut = 1
    keep = 0
    open = 0
}

END {
    if (upto == "" || failed)
        exit failed
    if (!found)
        fail("UPTO=" upto ": there is no chapter " number "; the chapters are" exists)
    else if (run != "" && !was_cut)
        fail(last_file ": UPTO=" upto ": no block ::: {.run #" run "} there; this chapter's runs are" \
             (runs == "" ? " none" : runs))
    exit failed
}
