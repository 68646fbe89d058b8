package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/install"
)

// programs are what the services run: Go programs that were built, and the packages of the
// others.
type programs struct {
	dir            string // of the Go programs; temporary
	source         string // of the others
	pythonPackages string
}

// newPrograms builds and installs what the peers need.
func newPrograms(ctx context.Context) (*programs, error) {
	root, err := envoy.Root()
	if err != nil {
		return nil, err
	}
	module := filepath.Join(root, "integration")
	p := &programs{source: filepath.Join(module, "bench", "peers")}
	if p.pythonPackages, err = install.PythonPackages(ctx, filepath.Join(p.source, "python"), "peers"); err != nil {
		return nil, err
	}
	if _, err := install.NodeModules(ctx, filepath.Join(p.source, "typescript")); err != nil {
		return nil, err
	}
	if p.dir, err = os.MkdirTemp("", "mcpauth-peers-"); err != nil {
		return nil, err
	}
	if err := install.Run(ctx, module, "go", "build", "-o", p.dir+string(filepath.Separator), "./bench/extauthz", "./bench/peers/upstream"); err != nil {
		p.remove()
		return nil, err
	}
	return p, nil
}

func (p *programs) remove() { os.RemoveAll(p.dir) }

// command returns how a service starts. endpoint is "trivial" or, for a whole MCP server, "mcp".
func (p *programs) command(name, issuer, endpoint string) *exec.Cmd {
	common := []string{"-issuer", issuer, "-resource", resource, "-scope", peerScope}
	switch name {
	case "upstream":
		return exec.Command(filepath.Join(p.dir, "upstream"))
	case "extauthz":
		return exec.Command(filepath.Join(p.dir, "extauthz"), common...)
	case "extauthz_cache":
		return exec.Command(filepath.Join(p.dir, "extauthz"), append(common, "-cache", fmt.Sprint(peerCacheEntries))...)
	}
	args := []string{"--issuer", issuer, "--jwks-uri", issuer + "/jwks", "--resource", resource, "--path", peerPath,
		"--scope", peerScope, "--endpoint", endpoint}
	switch name {
	case "starlette", "express":
		args = append(args, "--no-auth")
	}
	program := map[string]string{
		"starlette": "sdk.py", "python": "sdk.py", "fastmcp": "fastmcp_server.py", "express": "server.mjs", "typescript": "server.mjs",
	}[name]
	if strings.HasSuffix(program, ".mjs") {
		cmd := exec.Command("node", append([]string{filepath.Join(p.source, "typescript", program)}, args...)...)
		cmd.Env = append(os.Environ(), "NODE_ENV=production")
		return cmd
	}
	cmd := exec.Command("python3", append([]string{filepath.Join(p.source, "python", program)}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+p.pythonPackages, "PYTHONDONTWRITEBYTECODE=1", "FASTMCP_CHECK_FOR_UPDATES=off", "FASTMCP_LOG_LEVEL=ERROR")
	return cmd
}

// service is a running program, an authorization service or a server.
type service struct {
	name    string
	address string
	grpc    bool
	cmd     *exec.Cmd
	exited  chan struct{}
	log     bytes.Buffer // valid when exited is closed
}

// serviceTimeout is how long a program may take to start where others want the processor.
const serviceTimeout = 2 * time.Minute

// startService runs a program until it says where it listens.
func startService(ctx context.Context, name string, cmd *exec.Cmd) (*service, error) {
	s := &service{name: name, grpc: strings.HasPrefix(name, "extauthz"), cmd: cmd, exited: make(chan struct{})}
	cmd.Stderr = &s.log
	cmd.SysProcAttr = endWithParent()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started, said := make(chan error, 1), make(chan string, 1)
	go func() {
		// The kernel ends the child with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if started <- err; err != nil {
			return
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if address, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
				said <- address
			}
		}
		cmd.Wait()
		close(s.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, serviceTimeout)
	defer cancel()
	select {
	case s.address = <-said:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("%s ended before it listened:\n%s", name, s.log.String())
	case <-ctx.Done():
		s.stop()
		return nil, fmt.Errorf("%s does not listen: %w\n%s", name, ctx.Err(), s.log.String())
	}
}

// stop ends the program, by force if it does not end by itself.
func (s *service) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(2 * time.Second):
		s.cmd.Process.Kill()
		<-s.exited
	}
}
