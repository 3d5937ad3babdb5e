-- Pandoc filter of the weaver. Its input is book.md followed by the chapters as markdown.awk writes them:
--
--     pandoc -f READER -L tools/weave/book.lua -M weave=html -M folder=build/html …
--
-- weave=html writes a web site into `folder`, weave=epub the files of an EPUB, weave=latex the two volumes of the
-- printed book; with weave=answers the filter returns the document for pandoc to write. lib/ holds one module for each step.
local here = PANDOC_SCRIPT_FILE:match('^(.*)/[^/]*$') or '.'
package.path = here .. '/lib/?.lua;' .. package.path

local book = require 'book'
local report = require 'report'
local stringify = pandoc.utils.stringify

local function settings(meta)
  book.settings = {
    tools = here,
    reader = stringify(meta.reader),
    draft = meta.draft ~= nil,
    partial = meta.partial ~= nil,
    downloads = meta.downloads ~= nil,
    folder = meta.folder and stringify(meta.folder),
  }
  book.title, book.subtitle = stringify(meta.title), stringify(meta.subtitle or '')
  book.lead, book.rights = stringify(meta.lead or ''), stringify(meta.rights or '')
end

function Pandoc(doc)
  settings(doc.meta)
  local chunks, code, collect = require 'chunks', require 'code', require 'collect'
  collect.all(doc)
  chunks.connect()
  code.define_all()
  report.check()
  for _, chunk in ipairs(book.chunks) do code.tokenise(chunk) end -- finds the uses of identifiers

  local weave = stringify(doc.meta.weave)
  local blocks = {}
  if weave == 'html' then
    require('site').write(book.settings.folder)
  elseif weave == 'epub' then
    require('epub').write(book.settings.folder)
  elseif weave == 'latex' then
    require('latex').write(book.settings.folder, doc.meta)
  else
    blocks = require('latex').answers()
  end
  report.check()
  return pandoc.Pandoc(blocks, doc.meta)
end
