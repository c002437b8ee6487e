package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

//go:embed site.html
var sitePage string

// pageLink is a link of the Markdown pages to another of them.
var pageLink = regexp.MustCompile(`href="([a-z-]+)\.md(#[^"]*)?"`)

// site renders docs/ as pages that need no server: each with the index beside it.
func (r *release) site() error {
	page, err := template.New("page").Parse(sitePage)
	if err != nil {
		return err
	}
	markdown := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	render := func(file string) (template.HTML, string, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", "", err
		}
		var body bytes.Buffer
		if err := markdown.Convert(text, &body); err != nil {
			return "", "", fmt.Errorf("rendering %s: %w", file, err)
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
		// The pages are the project's own; nothing that a stranger wrote passes here.
		return template.HTML(pageLink.ReplaceAllString(body.String(), `href="$1.html$2"`)), title, nil
	}
	docs := filepath.Join(r.source, "docs")
	index, _, err := render(filepath.Join(docs, "index.md"))
	if err != nil {
		return err
	}
	// The list beside each page is the index without its first words.
	if _, list, found := strings.Cut(string(index), "<h2"); found {
		index = template.HTML("<h2" + list)
	}
	pages, err := filepath.Glob(filepath.Join(docs, "*.md"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.path("site"), 0o755); err != nil {
		return err
	}
	for _, file := range pages {
		body, title, err := render(file)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		err = write(r.path("site", name+".html"), func(f *os.File) error {
			return page.Execute(f, map[string]any{"Title": title, "Body": body, "Index": index, "Home": name == "index", "Version": r.version})
		})
		if err != nil {
			return err
		}
	}
	return os.CopyFS(r.path("site", "ci"), os.DirFS(filepath.Join(docs, "ci")))
}
