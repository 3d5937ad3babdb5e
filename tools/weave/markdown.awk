# noweb back end: the @-stream of markup becomes Markdown for pandoc.
#
#     tools/stream | gawk -f tools/weave/markdown.awk
#
# Documentation passes through. A code chunk becomes a fenced block of class `noweb` whose first lines say where
# it stands, its name and what it defines; a chunk's use becomes its name between the private characters U+E000 and
# U+E001. Each source file is announced by a block of class `source`. A ::: box left open is an error.

BEGIN { OPEN = "\356\200\200"; CLOSE = "\356\200\201"; FENCE = "````````````````" }

/^@file /        { end_of_file(); file = substr($0, 7); line = 1; text = ""
                   printf "\n%s {.source}\n%s\n%s\n\n", FENCE, file, FENCE; next }
/^@line /        { line = substr($0, 7) + 0; next }
/^@begin docs/   { code = 0; text = ""; next }
/^@end docs/     { if (text != "") docs_line(); next }
/^@begin code/   { code = 1; body = ""; name = ""; defines = ""; start = line; next }
/^@defn /        { name = substr($0, 7); start = line; skip = 1; next }
/^@index defn /  { defines = defines " " substr($0, 13); next }
/^@index nl/     { line++; next }
/^@end code/     { code_block(); code = 0; next }
/^@quote/        { quoted = 1; next }
/^@endquote/     { quoted = 0; next }
/^@use /         { use(substr($0, 6)); next }
/^@text/         { text_part(substr($0, 7)); next }
/^@nl/           { newline(); next }
/^@fatal/        { failed = 1; exit 1 }

END { if (!failed) end_of_file(); exit failed }

function text_part(part) {
    if (code) { body = body part; return }
    text = text (quoted ? "[[" part "]]" : part)
}

function use(called,    ticks) {
    if (code) { body = body OPEN called CLOSE; return }
    ticks = "`"
    while (index(called, ticks)) ticks = ticks "`"
    text = text ticks " " called " " ticks "{.chunkref}"
}

function newline() {
    line++
    if (!code) { docs_line(); return }
    if (skip) skip = 0; else body = body "\n"
}

function docs_line() {
    watch_boxes(text)
    print text
    text = ""
}

# The boxes (::: name … :::) that are open, each with its line, outside fenced code.
function watch_boxes(s) {
    if (s ~ /^ *(```|~~~)/) fenced = !fenced
    if (fenced) return
    if (s ~ /^ *:::+ *[^: ]/) opened[++depth] = line - 1
    else if (s ~ /^ *:::+ *$/ && --depth < 0) complain(line - 1, "this ::: closes nothing; remove it")
}

function end_of_file() {
    if (file == "") return
    if (depth > 0) complain(opened[depth], "this ::: box is never closed; add a line of ::: behind it")
    if (fenced) complain(line, "a ``` block is never closed; add a line of ``` behind it")
    depth = 0; fenced = 0
}

function complain(at, what) {
    printf "%s:%d: error: %s\n", file, at, what > "/dev/stderr"
    failed = 1
    exit 1
}

function code_block() {
    sub(/\n$/, "", body)
    printf "\n%s {.noweb}\n%s\n%d\n%s\n%s\n%s\n%s\n\n", FENCE, file, start, name, defines, body, FENCE
}
