package providers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"mcpauth/envoy-example/loopback"
)

// process is a running authorization server.
type process struct {
	cmd    *exec.Cmd
	dir    string // its own folder, removed at the end
	exited chan struct{}
}

// startTimeout is how long a server may take to answer: Keycloak takes ten
// seconds on an idle machine.
const startTimeout = 5 * time.Minute

// start runs a command in a new folder until it answers at ready, a URL.
func start(ctx context.Context, ready string, env []string, name string, args ...string) (*process, error) {
	dir, err := os.MkdirTemp("", "mcpauth-provider-")
	if err != nil {
		return nil, err
	}
	p := &process{dir: dir, exited: make(chan struct{})}
	log, err := os.Create(p.logFile())
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(name, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = ownGroup()
	started := make(chan error)
	go func() {
		// The kernel ties the child to the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.cmd.Wait()
		}
		close(p.exited)
	}()
	if err := <-started; err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := p.await(ctx, ready); err != nil {
		err = fmt.Errorf("%s: %w\n%s", name, err, p.Log())
		p.Stop()
		return nil, err
	}
	return p, nil
}

func (p *process) await(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.exited:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("no answer at %s: %w", url, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (p *process) logFile() string { return filepath.Join(p.dir, "log") }

// Log returns what the server has logged so far.
func (p *process) Log() string {
	b, err := os.ReadFile(p.logFile())
	if err != nil {
		return ""
	}
	return string(b)
}

// Signal sends a signal to the server.
func (p *process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Stop ends the server and all that it started.
func (p *process) Stop() {
	group := -p.cmd.Process.Pid
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
	}
	syscall.Kill(group, syscall.SIGKILL)
	<-p.exited
	os.RemoveAll(p.dir)
}

// onFreePorts calls start with free ports of 127.0.0.1. Another process may take
// a port before the server has it: then the server ends, and other ports are
// tried.
func onFreePorts(n int, start func(ports []int) error) (err error) {
	for range 3 {
		ports := make([]int, n)
		listeners := make([]net.Listener, n)
		for i := range ports {
			if listeners[i], err = net.Listen("tcp", net.JoinHostPort(loopback.Host, "0")); err != nil {
				return err
			}
			ports[i] = listeners[i].Addr().(*net.TCPAddr).Port
		}
		for _, l := range listeners {
			l.Close()
		}
		if err = start(ports); err == nil {
			return nil
		}
	}
	return err
}
