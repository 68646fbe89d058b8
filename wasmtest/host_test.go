package wasmtest

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// guest builds testdata/guest once, without the overlay that the plugin is
// built with.
var guest = sync.OnceValues(func() (*Module, error) {
	dir, err := mkdirTemp()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "guest.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", file, "./testdata/guest")
	build.Env = append(build.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %v\n%s", build, err, out)
	}
	return Load(file)
})

func guestHost(t *testing.T, o Options) *Host {
	t.Helper()
	m, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	h := New(m, o)
	t.Cleanup(h.Close)
	return h
}

func startGuest(t *testing.T, h *Host, config string) *VM {
	t.Helper()
	vm, err := h.StartVM(config)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func get(path string, more ...[2]string) Headers {
	h := Headers{{":method", "GET"}, {":path", path}, {":authority", "example.com"}, {":scheme", "https"}}
	return append(h, more...)
}

func body(s *Stream) string {
	if s.Local() == nil {
		return "no answer: " + s.State().String()
	}
	return string(s.Local().Body)
}

func wantBody(t *testing.T, s *Stream, want string) {
	t.Helper()
	if got := body(s); got != want {
		t.Errorf("answer %q, want %q", got, want)
	}
}

func TestHostStart(t *testing.T) {
	for _, tt := range []struct{ config, stage, log string }{
		{config: ""},
		{config: "1000"},
		{config: "callout"}, // refused while starting, which the guest expects
		{config: "refuse", stage: "proxy_on_configure", log: "refused"},
		{config: "panic", stage: "proxy_on_configure", log: "as configured"},
	} {
		t.Run(tt.config, func(t *testing.T) {
			// Where poll_oneoff fails, Go's runtime cannot even report a panic.
			h := guestHost(t, Options{PollOneoffWorks: true})
			_, err := h.StartVM(tt.config)
			var start *StartError
			if errors.As(err, &start); tt.stage == "" && err != nil || tt.stage != "" && (start == nil || start.Stage != tt.stage) {
				t.Fatalf("error %v, want one of stage %q", err, tt.stage)
			}
			if tt.log != "" && !strings.Contains(h.LogText(), tt.log) {
				t.Errorf("the log does not hold %q:\n%s", tt.log, h.LogText())
			}
		})
	}
}

func TestHostHeaders(t *testing.T) {
	h := guestHost(t, Options{})
	s := startGuest(t, h, "go").Request(get("/headers",
		[2]string{"x-removed", "1"}, [2]string{"X-Twice", "1"}, [2]string{"x-replaced", "1"},
		[2]string{"x-twice", "2"}, [2]string{"x-replaced", "2"}, [2]string{"x-removed", "2"}))
	want := get("/headers", [2]string{"x-twice", "1"}, [2]string{"x-replaced", "new"}, [2]string{"x-twice", "2"},
		[2]string{"x-added", "1"}, [2]string{"x-added", "2"}, [2]string{"x-error", "error status returned by host: not found"})
	if s.State() != Forwarded || !slices.Equal(s.Upstream(), want) {
		t.Errorf("%v with %v,\nwant forwarded with %v", s.State(), s.Upstream(), want)
	}
	if n := s.HostCalls()["proxy_add_header_map_value"]; n != 3 {
		t.Errorf("%d headers added, want 3: %v", n, s.HostCalls())
	}
	const seen = "x-removed=1\nx-twice=1\nx-replaced=1\nx-twice=2\nx-replaced=2\nx-removed=2\n"
	if got := h.LogText(); !strings.Contains(got, seen) {
		t.Errorf("the guest saw %s", got)
	}
}

func TestHostLocalResponseWinsOverContinue(t *testing.T) {
	h := guestHost(t, Options{})
	s := startGuest(t, h, "go").Request(get("/local"))
	if s.State() != Answered || s.Local().Status != 418 || s.Upstream() != nil {
		t.Fatalf("%v, %+v", s.State(), s.Local())
	}
	if got := s.Local().Headers.Values("x-a"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("x-a: %q", got)
	}
	if h.Logs()[len(h.Logs())-1].Message != "done 2" {
		t.Errorf("the stream is not done: %v", h.Logs())
	}
}

func TestHostHoldsAndResumes(t *testing.T) {
	h := guestHost(t, Options{})
	vm := startGuest(t, h, "100")
	if vm.TickPeriod() != 100*time.Millisecond {
		t.Errorf("tick period %v", vm.TickPeriod())
	}
	stays, leaves := vm.Request(get("/hold")), vm.Request(get("/hold"))
	if stays.State() != Held || leaves.State() != Held {
		t.Fatalf("%v, %v, want held", stays.State(), leaves.State())
	}
	leaves.Close()
	h.Run(350*time.Millisecond, nil)
	if stays.State() != Forwarded || leaves.State() != Gone {
		t.Errorf("%v, %v, want forwarded, gone", stays.State(), leaves.State())
	}
	if got := h.Logs()[len(h.Logs())-1].Message; got != "tick 3" {
		t.Errorf("last message %q, want tick 3", got)
	}
	if len(h.Violations()) != 0 {
		t.Error(h.Violations())
	}
}

func TestHostCallouts(t *testing.T) {
	h := guestHost(t, Options{Clusters: []string{"known"}})
	h.SetCluster("empty", true)
	vm := startGuest(t, h, "go")
	wantBody(t, vm.Request(get("/callout?unknown")), "error status returned by host: bad argument")
	wantBody(t, vm.Request(get("/callout?empty")), "error status returned by host: internal failure")

	call := func() (*Stream, *Callout) {
		s := vm.Request(get("/callout?known"))
		pending := h.Callouts()
		if s.State() != Held || len(pending) != 1 {
			t.Fatalf("%v with %d callouts", s.State(), len(pending))
		}
		return s, pending[0]
	}
	s, c := call()
	if c.Cluster != "known" || c.Path() != "/keys" || string(c.Body) != "body" || c.Timeout != 5*time.Second {
		t.Errorf("callout %+v", c)
	}
	c.Answer("200", Headers{{"etag", "1"}}, []byte("text"))
	wantBody(t, s, `[[:status 200] [etag 1]] "text"`)

	s, c = call()
	c.Answer("200", nil, []byte("resume"))
	if s.State() != Forwarded {
		t.Errorf("%v, want forwarded", s.State())
	}
	s, c = call()
	c.TimeOut()
	wantBody(t, s, `[[:status 504] [content-type text/plain]] "upstream request timeout"`)

	s, c = call()
	c.Fail()
	wantBody(t, s, "failed: error status returned by host: bad argument, error status returned by host: not found")

	s, c = call()
	s.Close()
	c.Answer("200", nil, nil) // the guest must survive it
	if vm.Dead() != nil || s.State() != Gone {
		t.Errorf("dead: %v, %v", vm.Dead(), s.State())
	}
	if h.Dispatched() != 5 || len(h.Callouts()) != 0 {
		t.Errorf("%d dispatched, %d pending", h.Dispatched(), len(h.Callouts()))
	}
}

func TestHostSharedDataIsComparedAndSwapped(t *testing.T) {
	h := guestHost(t, Options{})
	a, b := startGuest(t, h, "go"), startGuest(t, h, "go")
	const mismatch = "error status returned by host: cas mismatch"
	for _, step := range []struct {
		vm         *VM
		path, want string
	}{
		{a, "/get?k", `"" 0 error status returned by host: not found`},
		{a, "/set?k=one=99", "<nil>"}, // absent: any cas succeeds
		{b, "/get?k", `"one" 1 <nil>`},
		{b, "/set?k=two=99", mismatch},
		{b, "/set?k=two=1", "<nil>"},
		{a, "/set?k=three=1", mismatch},
		{a, "/set?k=three=0", "<nil>"}, // unconditional
		{b, "/get?k", `"three" 3 <nil>`},
	} {
		wantBody(t, step.vm.Request(get(step.path)), step.want)
	}
}

func TestHostForeignFunctions(t *testing.T) {
	h := guestHost(t, Options{Functions: map[string]ForeignFunction{
		"echo": func(in []byte) ([]byte, Status) { return in, OK },
		"fail": func([]byte) ([]byte, Status) { return []byte("unseen"), BadArgument },
	}})
	vm := startGuest(t, h, "go")
	wantBody(t, vm.Request(get("/foreign?absent")), `"" error status returned by host: not found`)
	wantBody(t, vm.Request(get("/foreign?echo")), `"argument" <nil>`)
	wantBody(t, vm.Request(get("/foreign?fail")), `"" error status returned by host: bad argument`)
	if h.ForeignCalls("echo") != 1 || h.ForeignCalls("absent") != 0 {
		t.Error("calls are miscounted")
	}
}

func TestHostPropertiesMetricsAndTime(t *testing.T) {
	h := guestHost(t, Options{Now: time.Unix(1_800_000_000, 0)})
	h.SetProperty([]byte("10.0.0.1:80"), "source", "address")
	a, b := startGuest(t, h, "go"), startGuest(t, h, "go")
	wantBody(t, a.Request(get("/property?source.address")), `"10.0.0.1:80" <nil>`)
	wantBody(t, a.Request(get("/property?absent")), `"" error status returned by host: not found`)
	a.Request(get("/metrics"))
	b.Request(get("/metrics"))
	if h.Counter("counter") != 4 || h.Gauge("gauge") != -6 || !slices.Equal(h.Histogram("histogram"), []uint64{7, 7}) {
		t.Errorf("counter %d, gauge %d, histogram %v", h.Counter("counter"), h.Gauge("gauge"), h.Histogram("histogram"))
	}
	wantBody(t, a.Request(get("/time")), "1800000000")
	h.Clock().Advance(time.Minute)
	wantBody(t, a.Request(get("/time")), "1800000060")
	h.Clock().SetWall(time.Unix(1, 0))
	wantBody(t, a.Request(get("/time")), "1")
}

func TestHostFailsClosedAfterAPanic(t *testing.T) {
	h := guestHost(t, Options{})
	vm := startGuest(t, h, "100")
	before := vm.Request(get("/callout?any"))
	if s := vm.Request(get("/panic")); s.State() != Failed || vm.Dead() == nil {
		t.Fatalf("%v, dead: %v", s.State(), vm.Dead())
	}
	if s := vm.Request(get("/continue")); s.State() != Failed || s.Upstream() != nil {
		t.Errorf("a dead VM: %v", s.State())
	}
	if len(h.Callouts()) != 0 || before.State() != Held {
		t.Errorf("%d callouts left, the held stream is %v", len(h.Callouts()), before.State())
	}
	if s := startGuest(t, h, "go").Request(get("/continue")); s.State() != Forwarded {
		t.Errorf("another VM: %v", s.State())
	}
}

func TestHostReportsViolations(t *testing.T) {
	for path, want := range map[string]string{"/inject": "framing", "/twice": "resumed and continued"} {
		h := guestHost(t, Options{})
		startGuest(t, h, "go").Request(get(path))
		if v := h.Violations(); len(v) != 1 || !strings.Contains(v[0], want) {
			t.Errorf("%s: violations %q, want one with %q", path, v, want)
		}
	}
}

// The crash of golang/go issue 78513, which wazero's own WASI hides: once a
// timer has existed, a collection polls, and Go's runtime throws at ENOSYS. A
// host that does not show it cannot prove a plugin free of it.
func TestHostShowsTheCollectorCrash(t *testing.T) {
	for _, works := range []bool{false, true} {
		t.Run(fmt.Sprintf("poll_oneoff works: %v", works), func(t *testing.T) {
			h := guestHost(t, Options{PollOneoffWorks: works})
			vm := startGuest(t, h, "go")
			for range 20 {
				vm.Request(get("/sleep"))
				vm.Request(get("/gc"))
			}
			if crashed := vm.Dead() != nil; crashed == works {
				t.Errorf("crashed: %v (%v)", crashed, vm.Dead())
			}
		})
	}
}

func TestHostReadsMemorySize(t *testing.T) {
	vm := startGuest(t, guestHost(t, Options{}), "go")
	before := vm.MemorySize()
	for range 4 {
		wantBody(t, vm.Request(get("/grow")), "grown")
	}
	if after := vm.MemorySize(); after < before+24<<20 {
		t.Errorf("memory %d, before %d, although 32 MiB more are in use", after, before)
	}
}
