# usage: ... | gawk [-v upto=NN] -f tools/check.awk
# Reads the stream whole and says everything that is wrong with its chunks, on stderr, with file and line.
# If nothing is, prints what mnt needs: the chunks that a root reaches, roots that cpp reads marked by a
# star (mnt writes their #line), and every extension point that has no part yet, empty.

function fail(where, message) { errors[where] = errors[where] where ": error: " message "\n" }

function is_point(name) { return name ~ /: / }
function is_path(name)  { return name ~ /^[A-Za-z0-9_.\/-]+$/ && name ~ /\// }
function for_cpp(name)  { return name ~ /\.(c|h|S|def)$/ }
function replaced(name) { return name ~ / \(as in [^)]*\)$/ }

function plain(name) {
    while (replaced(name))
        sub(/ \(as in [^)]*\)$/, "", name)
    return name
}

/^@later / {
    split($0, word, " ")
    name = $0
    sub(/^@later [a-z]+ [^ ]+ /, "", name)
    if (!((word[2], name) in later))
        later[word[2], name] = word[3]
    next
}
/^@cut / { split($0, word, " "); cut = word[3]; cut_at = word[2]; next }
/^@fatal/ { fatal = 1 }

/^@file / { file = substr($0, 7); line = 1 }
/^@begin code/ { code = 1; name = ""; continued = 0 }
/^@begin docs/ { code = 0 }

code && /^@defn / {
    name = substr($0, 7)
    where = file ":" line
    if (name == "")
        fail(where, "<<>>= has no name, and its code would be lost; name it")
    else if (!(name in defined)) {
        defined[name] = where
        names[++count] = name
    } else if (!is_point(name))
        fail(where, "second definition of <<" plain(name) ">> (the first is at " defined[name] "); give it a " \
             "name of its own, or make it an extension point, \"host: concern\"")
}

code && /^@use / {
    use = substr($0, 6)
    where = file ":" line
    if (!(use in used)) {
        used[use] = where
        uses[++use_count] = use
    }
    if (!((name, use) in edge)) {
        edge[name, use] = where
        out[name] = out[name] SUBSEP use
    }
    text = text "\001"
}

code && /^@text / { text = text substr($0, 7) }

code && /^@nl$/ {
    if (text ~ /\001=[ \t]*$/)
        fail(file ":" line, "this looks like the definition of a chunk, but <<...>>= must begin in " \
             "column 1 and have nothing behind it")
    if (text ~ /\001/ && (continued || text ~ /\\$/))
        in_macro[name] = file ":" line
    continued = text ~ /\\$/
    text = ""
}

/^@(index )?nl$/ { line++ }
{ stream[NR] = $0; at[NR] = name; kind[NR] = code }
/^@end code/ { code = 0; name = "" }

# The defined name that is nearest to a misspelt one, if it is near at all.
function nearest(name,    i, d, best, limit) {
    limit = length(name) / 3 + 1
    for (i = 1; i <= count; i++) {
        d = distance(name, names[i], limit)
        if (d < limit) {
            limit = d
            best = names[i]
        }
    }
    return best
}

# The same among the extension points that are used.
function nearest_point(name,    i, d, best, limit) {
    limit = length(name) / 3 + 1
    for (i = 1; i <= use_count; i++)
        if (is_point(uses[i]) && (d = distance(name, uses[i], limit)) < limit) {
            limit = d
            best = uses[i]
        }
    return best
}

function distance(a, b, limit,    i, j, m, n, row, left, corner, cost) {
    m = length(a)
    n = length(b)
    if (m - n >= limit || n - m >= limit)
        return limit
    for (j = 0; j <= n; j++)
        row[j] = j
    for (i = 1; i <= m; i++) {
        corner = row[0]
        row[0] = i
        for (j = 1; j <= n; j++) {
            cost = corner + (substr(a, i, 1) != substr(b, j, 1))
            corner = row[j]
            left = row[j - 1] + 1
            cost = cost < left ? cost : left
            row[j] = cost < corner + 1 ? cost : corner + 1
        }
    }
    return row[n]
}

function is_behind_cut(where) {
    return cut != "" && substr(where, 1, index(where, ":")) == substr(cut_at, 1, index(cut_at, ":"))
}

function undefined(name, where,    near) {
    if (("defn", name) in later) {
        if (is_behind_cut(later["defn", name]))
            fail(where, "the cut at #" cut " splits <<" name ">> (defined at " later["defn", name] \
                 "); move the run behind it, or the chunk before it")
        else
            fail(where, "<<" name ">> is defined at " later["defn", name] ", which UPTO=" upto " leaves out; " \
                 "what a later chapter adds must be an extension point, \"host: concern\"")
        return
    }
    near = nearest(name)
    fail(where, "<<" name ">> is used but never defined; " \
         (near != "" ? "did you mean <<" near ">> (" defined[near] ")?" : \
          name ~ /^[0-9]/ ? "if this is a shift in C, write it with spaces around" : \
          "define it, or mend its name"))
}

# Walks the chunks that name reaches; state: 1 while on the path, 2 when done.
function visit(name, path,    list, n, i) {
    state[name] = 1
    n = split(substr(out[name], 2), list, SUBSEP)
    for (i = 1; i <= n; i++) {
        if (state[list[i]] == 1 && !((name, list[i]) in told)) {
            told[name, list[i]] = 1
            fail(edge[name, list[i]], "<<" plain(list[i]) ">> contains itself: " \
                 loop(path " -> <<" list[i] ">>", list[i]) "; break the circle")
        } else if (!state[list[i]])
            visit(list[i], path " -> <<" list[i] ">>")
    }
    state[name] = 2
}

function loop(path, name) { return substr(path, index(path, "<<" name ">>")) }

function mark(name, cpp,    list, n, i) {
    reached[name] = 1
    if (cpp && name in in_macro)
        fail(in_macro[name], "a chunk is used inside a #define of several lines, which a #line would break; " \
             "write it out")
    n = split(substr(out[name], 2), list, SUBSEP)
    for (i = 1; i <= n; i++)
        if (!reached[list[i]])
            mark(list[i], cpp)
}

END {
    for (i = 1; i <= use_count; i++)
        if (!(uses[i] in defined) && !is_point(uses[i]))
            undefined(uses[i], used[uses[i]])
    for (i = 1; i <= count; i++) {
        name = names[i]
        if (is_path(name) && (name ~ /^\// || name ~ /(^|\/)\.\.?(\/|$)/))
            fail(defined[name], "<<" name ">> would lie outside of the tangled folder; write its path from there")
        if (is_path(name) && name in used)
            fail(used[name], "<<" name ">> is a file of its own and can't be part of a chunk; #include it, or " \
                 "give the chunk a name that is no path")
        if (name in used || is_path(name) || replaced(name))
            continue
        # What stands before a cut may be used only behind it, by a file that this prefix doesn't have yet.
        if (!is_point(name) && ("use", name) in later && is_behind_cut(later["use", name]))
            continue
        if (!is_point(name))
            fail(defined[name], "<<" name ">> is defined but never used" (("use", name) in later ? \
                 " (but at " later["use", name] ", which UPTO=" upto " leaves out)" : "") "; " \
                 (name ~ / / ? "use it, or delete it" : "a file's name has a /, a chunk's name is a sentence"))
        else if (!(("use", plain(name)) in later))
            fail(defined[name], "no chapter uses the extension point <<" name ">>; mend its name, or use it" \
                 ((near = nearest_point(name)) != "" ? ": did you mean <<" near ">>?" : ""))
    }
    for (i = 1; i <= count; i++)
        if (!state[names[i]])
            visit(names[i], "<<" names[i] ">>")
    for (i = 1; i <= count; i++)
        if (is_path(names[i]) && !reached[names[i]])
            mark(names[i], for_cpp(names[i]))
    failed = fatal
    n = asorti(errors, sorted, "by_place")
    for (i = 1; i <= n; i++) {
        printf "%s", errors[sorted[i]] > "/dev/stderr"
        failed = 1
    }
    if (failed)
        exit 1
    for (i = 1; i <= NR; i++)
        if (i in stream)
            emit(i)
    for (i = 1; i <= use_count; i++)
        if (!(uses[i] in defined))
            printf "@begin code 0\n@defn %s\n@nl\n@end code 0\n", uses[i]
}

# Documentation, and chunks that no root reaches, shrink to empty documentation: their lines still count.
function emit(i,    line) {
    line = stream[i]
    if (line ~ /^@begin code/)
        passing = reached[at[i + 1]]
    # mnt writes no #line before an empty line, which after a chunk use would then seem to follow that chunk's
    # last line: a space makes it a line like others.
    if (line == "@nl")
        behind_use = here_use
    if (line ~ /^@(nl|begin)/)
        here_use = 0
    else if (line ~ /^@use/)
        here_use = 1
    if (behind_use && line == "@text " && stream[i + 1] == "@nl")
        line = "@text  "
    if (kind[i] && passing)
        print line ~ /^@defn / && is_path(at[i]) && for_cpp(at[i]) ? line "*" : line
    else if (line ~ /^@(file|begin docs|end docs|nl)/)
        print line
    else if (line == "@index nl")
        print "@nl"
    else if (line ~ /^@(begin|end) code/) {
        sub(/code/, "docs", line)
        print line
    }
}

# Orders FILE:LINE by file, then by number.
function by_place(a, v, b, w,    p, q) {
    split(a, p, ":")
    split(b, q, ":")
    return p[1] < q[1] ? -1 : p[1] > q[1] ? 1 : p[2] - q[2]
}
