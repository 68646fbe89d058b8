package gate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The package documentation names all places that let a request on.
func TestWaysThrough(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	callers := map[string]map[string]bool{"forward": {}, "forwardBody": {}, "accept": {}, "admit": {}, "setPass": {}, "confirm": {}}
	verdicts := map[string]string{} // the verdict that each function passes to forward
	literals := map[string]bool{}   // functions that write a Verdict with a kind
	passes := map[string]bool{}     // functions that write all of a Pass
	var admits []string             // what admit calls, in its order
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if f.Name.Name == "admit" {
						admits = append(admits, name(n.Fun))
					}
					if called := callers[name(n.Fun)]; called != nil {
						called[f.Name.Name] = true
						if name(n.Fun) == "forward" {
							verdicts[f.Name.Name] += name(n.Args[0])
						}
					}
				case *ast.CompositeLit:
					if name(n.Type) == "Verdict" && len(n.Elts) > 0 {
						literals[f.Name.Name] = true
					}
					if name(n.Type) == "Pass" {
						passes[f.Name.Name] = true
					}
					// A token that is kept without its confirmation would be a bearer token.
					if name(n.Type) == "cachedToken" && !slices.ContainsFunc(n.Elts, func(e ast.Expr) bool {
						pair, ok := e.(*ast.KeyValueExpr)
						return ok && name(pair.Key) == "confirmation"
					}) {
						t.Errorf("%s makes a cachedToken without confirmation", f.Name.Name)
					}
				}
				return true
			})
		}
	}
	for function, want := range map[string][]string{
		"forward":     {"admit", "Decide", "withoutToken"},
		"setPass":     {"admit"},
		"confirm":     {"admit"},
		"admit":       {"accept", "cached"},
		"forwardBody": {"decide"}, // operationCheck.decide, after one of the ways
		"accept":      {"introspect", "verifyJWT"},
	} {
		if got := slices.Sorted(maps.Keys(callers[function])); !sameNames(got, want) {
			t.Errorf("%s is called by %q, want %q", function, got, want)
		}
	}
	// Nothing comes before the proof that the request may use its token.
	if len(admits) == 0 || admits[0] != "confirm" {
		t.Errorf("admit calls %q", admits)
	}
	// Only a request that needs no token is public.
	if want := map[string]string{"admit": "verdictToken", "Decide": "verdictPublic", "withoutToken": "verdictPublic"}; !maps.Equal(verdicts, want) {
		t.Errorf("the verdicts are %v, want %v", verdicts, want)
	}
	// All decisions share one Pass: each of the ways writes all of it.
	if got, want := slices.Sorted(maps.Keys(passes)), []string{"Decide", "setPass", "withoutToken"}; !sameNames(got, want) {
		t.Errorf("passes are made by %q, want %q", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(literals)), []string{"awaitBody", "forward", "forwardBody", "forwardIfBody", "respond", "waitFor"}; !sameNames(got, want) {
		t.Errorf("verdicts are made by %q, want %q", got, want)
	}
}

func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func sameNames(got, want []string) bool {
	slices.Sort(want)
	return slices.Equal(got, want)
}

// A verdict that nobody has made lets nothing on.
func TestZeroVerdict(t *testing.T) {
	var v Verdict
	if v.Kind() == KindForward || v.Kind() == KindForwardIfBody || v.Kind() == KindAwaitBody || v.Pass() != nil {
		t.Errorf("%+v", v)
	}
}
