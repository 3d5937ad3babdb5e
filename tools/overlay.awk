# usage: ... | gawk -f tools/overlay.awk
# Lays the files outside of chapters/ over the book, in the order in which they come, the last on top.
# A definition of <<X>> in an overlay takes the name; the one below is renamed "X (as in ...)", and a use
# of <<X>> inside the overlay's own <<X>> means that one: so a chunk can be replaced, emptied or wrapped.

function fail(where, message) {
    print where ": error: " message > "/dev/stderr"
    failed = 1
}

function is_point(name) { return name ~ /: / }
function is_path(name)  { return name ~ /^[A-Za-z0-9_.\/-]+$/ && name ~ /\// }

function below(name, layer) {
    return name " (as in " (layer ? files[layer] : "the book") ")"
}

# The next layer under this one that defines name; the book's own if there is none.
function next_layer(name, layer) {
    while (--layer > 0)
        if ((name, layer) in where)
            return layer
    return 0
}

# FILE:LINE of a line that says where a dropped chapter defines or uses a chunk.
/^@later / {
    split($0, word, " ")
    name = $0
    sub(/^@later [a-z]+ [^ ]+ /, "", name)
    if (!((word[2], name) in later))
        later[word[2], name] = word[3]
}

/^@file / {
    file = substr($0, 7)
    line = 1
    layer = 0
    if (file !~ /^chapters\//) {
        layer = ++layers
        files[layer] = file
    }
}
/^@begin code/ { code = 1; name = "" }
/^@end code/ { code = 0 }
/^@defn / {
    name = substr($0, 7)
    if (!((name, layer) in where)) {
        where[name, layer] = file ":" line
        order[++count] = name SUBSEP layer
    }
    if (!(name in top) || top[name] < layer)
        top[name] = layer
}
code && /^@use / {
    if (substr($0, 6) == name)
        wraps[name, layer] = 1
    else {
        used[substr($0, 6)] = 1
        used_in[substr($0, 6), layer] = 1
    }
}
/^@(index )?nl$/ { line++ }

{
    stream[NR] = $0
    at[NR] = layer
}

END {
    for (i = 1; i <= count; i++) {
        split(order[i], key, SUBSEP)
        if (key[2])
            examine(key[1], key[2] + 0)
    }
    if (failed)
        exit 1
    for (i = 1; i <= NR; i++)
        emit(stream[i], at[i])
}

function examine(name, layer,    lower, i) {
    for (i = layer - 1; i >= 0; i--)
        if ((name, i) in where)
            lower = 1
    if (is_point(name)) {
        for (i = layer - 1; i >= 0; i--)
            if ((name, i) in used_in)
                lower = 1
        if (("defn", name) in later || ("use", name) in later)
            lower = 1
        if (!lower && !used[name])
            fail(where[name, layer], "no chapter knows the extension point <<" name ">>; mend its name")
        else if (lower && !((name, layer) in wraps))
            fail(where[name, layer], "<<" name ">> is an extension point, which an overlay can only wrap; " \
                 "put <<" name ">> inside, where the book's own parts are to stand")
    } else if (lower)
        return
    else if ((name, layer) in wraps)
        fail(where[name, layer], "<<" name ">> is used inside itself, but nothing below defines it" \
             left_out(name))
    else if (!used[name] && !is_path(name))
        fail(where[name, layer], "<<" name ">> replaces nothing and is not used" left_out(name) \
             "; mend its name, or use it")
}

function left_out(name) {
    return ("defn", name) in later ? ": it is defined at " later["defn", name] ", which UPTO leaves out" : ""
}

function emit(text, layer) {
    if (text ~ /^@begin code/)
        code = 1
    else if (text ~ /^@end code/)
        code = 0
    else if (text ~ /^@defn /) {
        name = substr(text, 7)
        if (layer < top[name])
            text = "@defn " below(name, layer)
    } else if (code && text ~ /^@use / && substr(text, 6) == name && layer)
        text = "@use " below(name, next_layer(name, layer))
    print text
}
