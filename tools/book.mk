# Rules that weave the book: HTML, PDF and EPUB of the same chapters. DRAFT=1 goes on where transcripts are missing.

.PHONY: book html pdf epub answers figures link-check

WEAVER := tools/stream tools/prefix.awk tools/overlay.awk tools/shift.awk tools/check.awk $(shell find tools/weave -type f)
WOVEN := book.md $(CHAPTERS) $(wildcard figures/*/*.txt figures/*/*.svg tests/*/*.nw) $(OVERLAY) $(WEAVER)
WEAVE := tools/weave/weave -u "$(UPTO)" -o "$(OVERLAY)" $(if $(DRAFT),-d)
PDFS := $B/book.pdf $B/workshop.pdf
FIGURES := $(patsubst %.tex,build/%.pdf,$(wildcard figures/*/*.tex))

book: pdf epub html link-check ## the book as two PDFs, EPUB and web site: build/book.pdf, workshop.pdf, book.epub, html/
	@echo "$(PDFS) $B/book.epub $B/html/index.html"

html: $B/html/index.html ## the web site alone, in build/html/; needs no TeX
pdf: $(PDFS) ## the printed book in two volumes, build/book.pdf and build/workshop.pdf
epub: $B/book.epub ## the book for e-readers, build/book.epub

build/.tools-%: tools/need
	@mkdir -p build
	@tools/need $*
	@touch $@

# In `make book` the home page offers the others; so they come first.
DOWNLOADS := $(if $(filter book,$(MAKECMDGOALS)),$(PDFS) $B/book.epub)

# A draft does not pass for the book: what was woven otherwise is woven again.
$B/.woven-%: FORCE
	@mkdir -p $B
	@echo "$(DRAFT)" | cmp -s - $@ || echo "$(DRAFT)" >$@
FORCE:

$B/html/index.html: $(WOVEN) $(DOWNLOADS) $B/.woven-html | build/.tools-html
	@$(if $(DRAFT),,tools/weave/figure check)
	@tools/weave/fonts build/fonts
	@$(WEAVE) $(if $(DOWNLOADS),-l) html $B/html
	@cp -r build/fonts $(DOWNLOADS) $B/html/

$B/book.epub: $(WOVEN) $B/.woven-epub | build/.tools-epub
	@$(if $(DRAFT),,tools/weave/figure check)
	@$(WEAVE) epub $B/epub
	@tools/weave/epub/pack $B/epub $@

$B/pdf/book.tex $B/pdf/workshop.tex &: $(WOVEN) $B/.woven-pdf | build/.tools-pdf
	@$(WEAVE) latex $B/pdf

answers: $B/answers.pdf ## the answers to the exercises, build/answers.pdf

$B/pdf/answers.tex: $(WOVEN) $(wildcard tests/*/*/answer*.nw) | build/.tools-pdf
	@tools/weave/weave -d answers $@

# A PDF's log must be clean: no line too long, no reference to nothing, no letter without a font.
PRINT = tools/weave/print $B/pdf $1 && tools/weave/check-log $(patsubst %,$B/pdf/%.log,$1) && \
    cp $(patsubst %,$B/pdf/%.pdf,$1) $B/

# Each volume names pages of the other, so they are set together.
$(PDFS) &: $B/pdf/book.tex $B/pdf/workshop.tex $(FIGURES)
	@$(call PRINT,book workshop)

$B/answers.pdf: $B/pdf/answers.tex $(FIGURES)
	@$(call PRINT,answers)

figures: $(FIGURES) ## draw the figures, and renew the SVGs whose source has changed
	@for source in $(wildcard figures/*/*.tex); do tools/weave/figure make $$source || exit; done

# A figure that is drawn from recorded runs depends on their transcripts, too.
.SECONDEXPANSION:
build/figures/%.pdf: figures/%.tex figures/style.tex $$(shell tools/weave/figure reads figures/$$*.tex) | build/.tools-pdf
	@mkdir -p $(@D)
	@cd $(<D) && xelatex -interaction=batchmode -halt-on-error -output-directory=$(CURDIR)/$(@D) $(<F) >/dev/null || \
	    { grep -h -A 6 '^!' $(CURDIR)/$(@:.pdf=.log) >&2; echo "$<:1: error: LaTeX can't draw this figure" >&2; exit 1; }

link-check: $B/html/index.html $(DOWNLOADS) ## look for broken links in the web site, and in the PDFs if they are there
	@tools/link-check $B/html $$(ls $(PDFS) 2>/dev/null)
