// Package docs_test holds README.md and all pages beside it and in docs/ to the
// truth. What only a part of the code knows is tested there: commands in
// envoy-example/cmd/demo, YAML in integration/manifests, the tables of metrics,
// clients and providers and the programs of identity.md beside what they describe.
package docs_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mcpauth/config"
)

// pages returns all pages by their path from the top folder.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../*.md", "*.md", "*/*.md", "../internal/build/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(filepath.ToSlash(filepath.Join("docs", file)), "../")] = string(b)
		}
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/README.md", "docs/configuration.md", "docs/providers/README.md"} {
		if all[name] == "" {
			t.Fatalf("no page %s among %v", name, slices.Sorted(maps.Keys(all)))
		}
	}
	return all
}

// A page is for people who have ten minutes.
func TestReadmeIsShort(t *testing.T) {
	readme := pages(t)["README.md"]
	if lines := strings.Count(readme, "\n"); lines > 250 {
		t.Errorf("README.md has %d lines, of at most 250", lines)
	}
	if words := len(strings.Fields(readme)); words > 1500 {
		t.Errorf("README.md has %d words, of at most 1500", words)
	}
}

var (
	fence   = regexp.MustCompile("(?ms)^( *)```([a-z]*)\n(.*?)^ *```$")
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// prose returns a page without its fenced blocks.
func prose(text string) string { return fence.ReplaceAllString(text, "") }

// anchors returns the anchors of a page's headings, as GitHub makes them.
func anchors(text string) map[string]int {
	all := map[string]int{}
	for _, m := range heading.FindAllStringSubmatch(prose(text), -1) {
		name := strings.ToLower(regexp.MustCompile(`\]\([^)]*\)`).ReplaceAllString(m[1], ""))
		name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
		all[strings.ReplaceAll(name, " ", "-")]++
	}
	return all
}

func TestLinks(t *testing.T) {
	all := pages(t)
	count := 0
	for name, text := range all {
		for anchor, n := range anchors(text) {
			if n > 1 {
				t.Errorf("%s: %d headings for #%s", name, n, anchor)
			}
		}
		for _, m := range link.FindAllStringSubmatch(prose(text), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.HasPrefix(target, "https://") {
				continue
			}
			count++
			if strings.Contains(target, ":") || strings.HasPrefix(target, "/") {
				t.Errorf("%s: %s is neither https nor a file here", name, m[1])
				continue
			}
			file := name
			if target != "" {
				file = filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
			}
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("%s: %s: %v", name, m[1], err)
			} else if page, ok := all[file]; anchor != "" && (!ok || anchors(page)[anchor] == 0) {
				t.Errorf("%s: %s: no such heading", name, m[1])
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d links", count)
	}
}

// Each page can be found from the index of its folder, README.md in it or FOLDER.md
// beside it, and the index from the README.
func TestEveryPageIsLinked(t *testing.T) {
	all := pages(t)
	for name := range all {
		dir, file := filepath.Split(name)
		if dir != "" && !strings.HasPrefix(dir, "docs/") {
			continue // linked from where it matters
		}
		index := all[dir+"README.md"]
		if beside := strings.TrimSuffix(dir, "/") + ".md"; index == "" && all[beside] != "" {
			index, file = all[beside], filepath.Base(dir)+"/"+file // the page of the folder's name
		}
		if file == "README.md" {
			index = all[filepath.ToSlash(filepath.Join(dir, ".."))+"/README.md"] + all["README.md"]
			file = strings.TrimPrefix(name, "docs/")
		}
		if name != "README.md" && name != "docs/README.md" && !strings.Contains(index, "("+file+")") && !strings.Contains(index, "("+file+"#") {
			t.Errorf("no link to %s", name)
		}
	}
}

// Every block has a language that some test knows, but for the settings of other
// programs in docs/providers.
func TestBlocks(t *testing.T) {
	for name, text := range pages(t) {
		if strings.Count(text, "\n```")%2 != 0 {
			t.Errorf("%s: a fence is open", name)
		}
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(name, "docs/providers/") && (m[2] == "js" || m[2] == "text") {
				continue
			}
			if !slices.Contains([]string{"sh", "json", "yaml", "python", "ts", "go", "promql"}, m[2]) && name+m[2] != "README.md" {
				t.Errorf("%s: a block in %q:\n%s", name, m[2], m[3])
			}
		}
	}
}

// Each table has a head, and rows of as many cells.
func TestTables(t *testing.T) {
	count := 0
	for name, text := range pages(t) {
		for _, table := range regexp.MustCompile(`(?m)(?:^\|.*\n)+`).FindAllString(prose(text), -1) {
			count++
			lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
			cells := func(line string) int { return strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") }
			if len(lines) < 3 || !regexp.MustCompile(`^(\|-+:?)+\|$`).MatchString(lines[1]) {
				t.Errorf("%s: a table without a head:\n%s", name, table)
			}
			for _, line := range lines {
				if cells(line) != cells(lines[0]) {
					t.Errorf("%s: not as many cells as in the head: %s", name, line)
				}
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d tables", count)
	}
}

// Each configuration loads: whole documents, and those in Envoy's configuration.
func TestConfigurations(t *testing.T) {
	embedded := regexp.MustCompile(`(?m)^( *)value: \|\n((?: +.*\n|\n)+)`)
	whole, inYAML := 0, 0
	for name, text := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			switch m[2] {
			case "json":
				whole++
				if _, err := config.Parse([]byte(m[3])); err != nil {
					t.Errorf("%s: %v\n%s", name, err, m[3])
				}
			case "yaml":
				for _, e := range embedded.FindAllStringSubmatch(m[3], -1) {
					inYAML++
					if _, err := config.Parse([]byte(e[2])); err != nil {
						t.Errorf("%s: %v\n%s", name, err, e[2])
					}
				}
			}
		}
	}
	if whole < 15 || inYAML < 2 {
		t.Errorf("%d configurations, %d in YAML", whole, inYAML)
	}
}

// The table of oauth-proxy.md has each text of the consent page, as it is by default, and the
// schema has their names.
func TestConsentTexts(t *testing.T) {
	schema, err := os.ReadFile("../config/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	page := pages(t)["docs/oauth-proxy.md"]
	for i := range config.TextCount {
		text := config.Text(i)
		if row := "| `" + text.Name() + "` | " + text.Default() + " |"; !strings.Contains(page, row) {
			t.Errorf("docs/oauth-proxy.md: no row %s", row)
		}
		if !strings.Contains(string(schema), `"`+text.Name()+`"`) {
			t.Errorf("the schema lacks %s", text.Name())
		}
	}
	if n := strings.Count(page, "\n| `error_"); n != 12 {
		t.Errorf("%d texts of errors", n)
	}
}

// walkSchema calls visit for each member of each object in the schema.
func walkSchema(t *testing.T, visit func(object map[string]any, name string)) {
	t.Helper()
	b, err := os.ReadFile("../config/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, each := range v {
				walk(each)
			}
		case map[string]any:
			members, _ := v["properties"].(map[string]any)
			for name := range members {
				visit(v, name)
			}
			for _, each := range v {
				walk(each)
			}
		}
	}
	walk(schema)
}

// The reference has a row for each member of the schema. (That the whole page is
// what the schema says is tested beside the generator.)
func TestEveryMemberIsDocumented(t *testing.T) {
	page := pages(t)["docs/configuration.md"]
	count := 0
	walkSchema(t, func(object map[string]any, name string) {
		if object["type"] != "object" {
			return
		}
		count++
		if !strings.Contains(page, "\n| `"+name+"` |") {
			t.Errorf("docs/configuration.md: no row for the member %q", name)
		}
	})
	if count < 80 {
		t.Errorf("%d members: the schema is not built as this test thinks", count)
	}
}

// sources returns the Go files below a folder that end so, in one text.
func sources(t *testing.T, dir, suffix string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".venv") || d.Name() == "node_modules" || path == filepath.Join(dir, "build") || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, suffix) {
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// The pages name tests for their promises. A table whose head says "test, in
// `FOLDER`" has those of that folder.
func TestNamedTestsExist(t *testing.T) {
	name := regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	declared := func(source, test string) bool { return strings.Contains(source, "\nfunc "+test+"(t *testing.T) {") }
	everywhere := sources(t, "..", "_test.go")
	count := 0
	for page, text := range pages(t) {
		for _, m := range name.FindAllStringSubmatch(text, -1) {
			count++
			if !declared(everywhere, m[1]) {
				t.Errorf("%s: there is no %s", page, m[1])
			}
		}
		for _, m := range regexp.MustCompile("(?m)^\\|.*\\| test, in `([a-z/-]+)` \\|\n((?:\\|.*\n)+)").FindAllStringSubmatch(text, -1) {
			here := sources(t, filepath.Join("..", m[1]), "_test.go")
			for _, test := range name.FindAllStringSubmatch(m[2], -1) {
				if !declared(here, test[1]) {
					t.Errorf("%s: there is no %s in %s", page, test[1], m[1])
				}
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d tests are named", count)
	}
}

// CONTRIBUTING.md lists every fuzz test, by its folder, and no other.
func TestFuzzTestsAreListed(t *testing.T) {
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\|[^|]*\\| `([a-z0-9/]+)` \\|([^|]*)\\|[^|]*\\|$").FindAllStringSubmatch(pages(t)["CONTRIBUTING.md"], -1) {
		here := sources(t, filepath.Join("..", row[1]), "_test.go")
		for _, name := range regexp.MustCompile("`(Fuzz[A-Za-z0-9]+)`").FindAllStringSubmatch(row[2], -1) {
			declared := "\nfunc " + name[1] + "(f *testing.F) {"
			if listed[declared] = true; !strings.Contains(here, declared) {
				t.Errorf("there is no %s in %s", name[1], row[1])
			}
		}
	}
	for _, m := range regexp.MustCompile(`\nfunc Fuzz[A-Za-z0-9]+\(f \*testing\.F\) \{`).FindAllString(sources(t, "..", "_test.go"), -1) {
		if !listed[m] {
			t.Errorf("CONTRIBUTING.md does not list %s", strings.TrimSpace(m))
		}
	}
	if len(listed) < 40 {
		t.Errorf("only %d fuzz tests are listed", len(listed))
	}
}

// Commands in prose and tables name targets of the Makefile, and folders.
func TestCommandsInProse(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for page, text := range pages(t) {
		for _, m := range regexp.MustCompile("`(make [a-z][a-z-]*)[^`]*`").FindAllStringSubmatch(prose(text), -1) {
			if target := strings.TrimPrefix(m[1], "make "); !strings.Contains(string(makefile), "\n"+target+":") {
				t.Errorf("%s: there is no %s", page, m[1])
			}
		}
		for _, m := range regexp.MustCompile("`(?:cd ([a-z-]+) && )?go test ([^`]+)`").FindAllStringSubmatch(prose(text), -1) {
			for _, folder := range strings.Fields(m[2]) {
				if path, ok := strings.CutPrefix(folder, "./"); ok {
					if _, err := os.Stat(filepath.Join("..", m[1], strings.TrimSuffix(path, "..."))); err != nil {
						t.Errorf("%s: %v", page, err)
					}
				}
			}
		}
	}
}

// Files and folders in code font exist, where they begin with a folder of ours.
func TestNamedFilesExist(t *testing.T) {
	count := 0
	for page, text := range pages(t) {
		for _, m := range regexp.MustCompile("`([a-z][a-z-]*)(/[A-Za-z0-9_./-]+)`").FindAllStringSubmatch(prose(text), -1) {
			if _, err := os.Stat("../" + m[1]); err != nil || m[1] == "build" || strings.Contains(m[2], "/.") {
				continue
			}
			count++
			if _, err := os.Stat("../" + m[1] + m[2]); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
	if count < 20 {
		t.Errorf("only %d files are named", count)
	}
}

// clientTexts are quoted in troubleshooting.md from the official SDKs, and
// others, as their users see them.
var clientTexts = []string{
	"Protected resource ", "does not match expected", "got metadata resource ", ", want ",
	"Incompatible auth server: does not support dynamic client registration",
	"Registration failed: 404", "no configured client registration methods are supported",
	"authorization response issuer ", " does not match expected issuer ",
	"Policy '", "' rejected request", "RBAC: access denied", "cannot fetch Wasm module", "Server returned 403 after trying upscoping",
}

// What troubleshooting.md quotes from answers and from the log stands in the
// code, or in the tests that expect it.
func TestQuotedTexts(t *testing.T) {
	code := sources(t, "../internal", ".go") + sources(t, "../config", ".go") + sources(t, "../jwtlite", ".go") + sources(t, "../plugin", ".go") + sources(t, "../wasmtest", ".go")
	code = strings.ReplaceAll(code, `\"`, `"`) + strings.Join(clientTexts, "\n")
	count := 0
	for line := range strings.Lines(pages(t)["docs/troubleshooting.md"]) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) < 2 {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]* [^`]*)`").FindAllStringSubmatch(cells[0], -1) {
			for _, piece := range regexp.MustCompile(`"[^"]*"|…`).Split(strings.TrimPrefix(m[1], "503: "), -1) {
				if piece = strings.Trim(piece, " :;,"); len(piece) < 6 {
					continue
				}
				if count++; !strings.Contains(code, piece) {
					t.Errorf("nothing says %q", piece)
				}
			}
		}
	}
	if count < 25 {
		t.Errorf("only %d texts are quoted", count)
	}
}
