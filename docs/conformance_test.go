package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// documents are those that the pages of docs/conformance have a table for.
var documents = map[string][]string{
	"mcp-authorization.md": {"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"},
	"mcp-transports.md":    {"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"},
	"mcp-security.md":      {"2026-07-28"},
	"bearer.md":            {"## RFC 6750", "## RFC 7662", "## RFC 8707", "## RFC 9449", "## RFC 8705"},
	"metadata.md":          {"## RFC 9728", "## RFC 8414"},
	"jwt.md":               {"## RFC 7515", "## RFC 7517", "## RFC 7519", "## RFC 8725", "## RFC 9068"},
}

// A testFolder has the tests of a folder, and the texts that may name a case: those
// in the test itself, and those in variables of the folder's tests.
type testFolder struct {
	tests     map[string][]string
	variables []string
}

// parseTests returns the tests of a folder below the top folder.
func parseTests(t *testing.T, folder string) *testFolder {
	t.Helper()
	all := &testFolder{tests: map[string][]string{}}
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("no tests in %s: %v", folder, err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && strings.HasPrefix(d.Name.Name, "Test") {
					all.tests[d.Name.Name] = stringsIn(d.Body)
				}
			case *ast.GenDecl:
				all.variables = append(all.variables, stringsIn(d)...)
			}
		}
	}
	return all
}

// stringsIn returns the texts of the string literals in a piece of a program.
func stringsIn(n ast.Node) (all []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				all = append(all, s)
			}
		}
		return true
	})
	return all
}

// namedTest matches `TestX`, `TestX/a case`, and either with a folder in parentheses.
var namedTest = regexp.MustCompile("^`(Test[A-Za-z0-9]+)(?:/([^`]+))?`(?: \\(([a-z0-9/]+)\\))?$")

// checkTests looks for the tests of a cell. Those without a folder are in wasmtest.
func checkTests(t *testing.T, folders map[string]*testFolder, where, cell string) (count int) {
	t.Helper()
	// A case may have a comma in it.
	for _, name := range regexp.MustCompile("(`[^`]*`[^`,]*)(?:, |$)").FindAllStringSubmatch(cell, -1) {
		m := namedTest.FindStringSubmatch(name[1])
		if m == nil {
			t.Errorf("%s: %q is no test", where, name[1])
			continue
		}
		test, each, folder := m[1], m[2], m[3]
		if folder == "" {
			folder = "wasmtest"
		}
		if folders[folder] == nil {
			folders[folder] = parseTests(t, folder)
		}
		texts, ok := folders[folder].tests[test]
		if !ok {
			t.Errorf("%s: there is no %s in %s", where, test, folder)
		} else if each != "" && !slices.Contains(texts, each) && !slices.Contains(folders[folder].variables, each) {
			t.Errorf("%s: %s in %s has no case %q", where, test, folder, each)
		}
		count++
	}
	return count
}

// rows returns the rows of the tables of a page that have this head.
func rows(page, head string) (all [][]string) {
	for _, table := range regexp.MustCompile(`(?m)(?:^\|.*\n)+`).FindAllString(page, -1) {
		lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
		if lines[0] != head {
			continue
		}
		for _, line := range lines[2:] {
			all = append(all, strings.Split(strings.Trim(line, "| "), " | "))
		}
	}
	return all
}

// Every rule says whom it binds, and has tests that exist, or a reason for none.
func TestConformance(t *testing.T) {
	all, folders := pages(t), map[string]*testFolder{}
	const head = "| section | rule | binds | what mcpauth does | test |"
	count, tests := 0, 0
	for name, parts := range documents {
		page := all["docs/conformance/"+name]
		for _, part := range parts {
			if !strings.Contains(page, part) {
				t.Errorf("%s: nothing about %s", name, part)
			}
		}
		if strings.Count(page, "| section |") != strings.Count(page, head) {
			t.Errorf("%s: a table with another head", name)
		}
		for _, row := range rows(page, head) {
			count++
			where := name + ": " + strings.Join(row[:min(2, len(row))], ": ")
			if len(row) != 5 || slices.Contains(row, "") {
				t.Errorf("%s: not five cells", where)
				continue
			}
			binds, does, cell := row[2], row[3], row[4]
			if !slices.Contains([]string{"resource", "consumer", "proxy", "intermediary", "server", "gateway", "operator"}, binds) {
				t.Errorf("%s: binds %q", where, binds)
			}
			n := checkTests(t, folders, where, cell)
			tests += n
			others := slices.Contains([]string{"server", "gateway", "operator"}, binds)
			noTest := strings.HasPrefix(does, "Does not apply") || strings.HasPrefix(does, "Not met") || strings.Contains(does, "](") // to another table
			switch {
			case n == 0 && cell != "-" && cell != "no test":
				t.Errorf("%s: %q names no test", where, cell)
			case cell == "-" && !others && !noTest:
				t.Errorf("%s: neither a test nor a reason for none", where)
			}
		}
	}
	for name := range all {
		if file, ok := strings.CutPrefix(name, "docs/conformance/"); ok && documents[file] == nil {
			t.Errorf("%s is not checked", name)
		}
	}
	if count < 240 || tests < 450 {
		t.Errorf("only %d rules and %d tests", count, tests)
	}
	t.Logf("%d rules, %d tests", count, tests)
}

// Every threat has a defence, and tests that exist, or it says whose the defence is.
func TestThreats(t *testing.T) {
	page, folders := pages(t)["docs/security.md"], map[string]*testFolder{}
	count := 0
	for _, row := range rows(page, "| threat | defence | test |") {
		count++
		if len(row) != 3 || slices.Contains(row, "") {
			t.Errorf("%s: not three cells", row[0])
			continue
		}
		if n := checkTests(t, folders, row[0], row[2]); n == 0 && (row[2] != "-" || !strings.Contains(row[1], "Yours: ")) {
			t.Errorf("%s: neither a test nor whose the defence is", row[0])
		}
	}
	if count < 40 {
		t.Errorf("only %d threats", count)
	}
}
