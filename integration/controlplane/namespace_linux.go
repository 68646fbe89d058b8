package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mcpauth/envoy-example/envoy"
)

// inside is set in the environment of the test binary that runs in the namespaces. It
// names a folder that lives as long as the run.
const inside = "MCPAUTH_CONTROLPLANE_DIR"

// OlderEnvoy is the version that the tests run beside envoy.DefaultVersion.
const OlderEnvoy = "1.36.4"

// Main is the TestMain of a package that needs the tools. It does not return. It also
// installs the Envoys: inside the namespaces there is no network.
func Main(m *testing.M, tools ...Tool) {
	if os.Getenv(inside) == "" {
		os.Exit(outer(tools))
	}
	if err := enter(); err != nil {
		fmt.Fprintln(os.Stderr, "namespaces:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// outer builds the tools and runs this test binary again, in namespaces. The kernel ends
// all processes there when the binary ends.
func outer(tools []Tool) int {
	for _, t := range tools {
		if err := t.build(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	for _, version := range []string{envoy.DefaultVersion, OlderEnvoy} {
		if _, err := envoy.Binary(context.Background(), version); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	dir, err := os.MkdirTemp("", "mcpauth-controlplane-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// The kernel sends Pdeathsig when the thread ends that started the process.
	runtime.LockOSThread()
	binary := exec.Command("/proc/self/exe", os.Args[1:]...)
	binary.Args[0] = os.Args[0]
	binary.Env = append(os.Environ(), inside+"="+dir)
	binary.Stdin, binary.Stdout, binary.Stderr = os.Stdin, os.Stdout, os.Stderr
	binary.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Getuid() != 0 {
		binary.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		binary.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		binary.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	err = binary.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1)
	}
	fmt.Fprintln(os.Stderr, "the tests need Linux namespaces (root, or user namespaces):", err)
	return 1
}

// hosts are the names of the manifests and where they lead inside.
var hosts = map[string]string{
	AuthHost:     "127.0.0.2",
	RegistryHost: "127.0.0.3",
	MCPHost:      "127.0.0.4",
}

// The host names of the manifests.
const (
	AuthHost     = "auth.example.com"
	RegistryHost = "registry.example.com"
	MCPHost      = "mcp.example.com"
)

// Address returns the loopback address to which a host name leads inside.
func Address(host string) string { return hosts[host] }

// NameHost makes a host name lead to an address, in this process and in those that start
// from now on. Main calls no test before, so a package may call it from an init function.
func NameHost(host, address string) { hosts[host] = address }

// Dir is a folder that is removed after the run.
func Dir() string { return os.Getenv(inside) }

// enter prepares the namespaces: a proc file system, the loopback device, the file of
// host names and the system's certificates.
func enter() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("proc: %w", err)
	}
	if err := linkUp("lo"); err != nil {
		return err
	}
	names := "127.0.0.1 localhost\n"
	for host, address := range hosts {
		names += address + " " + host + "\n"
	}
	if err := bindFile("/etc/hosts", []byte(names)); err != nil {
		return err
	}
	var err error
	if testCA, err = newCA(); err != nil {
		return err
	}
	for _, bundle := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"} {
		system, err := os.ReadFile(bundle)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := bindFile(bundle, append(append(system, '\n'), testCA.PEM...)); err != nil {
			return err
		}
		return nil
	}
	return errors.New("found no bundle of the system's certificates")
}

// bindFile puts a file with another content over path.
func bindFile(path string, content []byte) error {
	over := filepath.Join(Dir(), strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "-"))
	if err := os.WriteFile(over, content, 0o644); err != nil {
		return err
	}
	if err := unix.Mount(over, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// TmpfsAt puts an empty file system at path, for programs whose folders are fixed.
func TmpfsAt(path string) error {
	return unix.Mount("tmpfs", path, "tmpfs", 0, "")
}

func linkUp(name string) error {
	return ioctlOnLink(name, unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error {
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		return nil
	})
}

// AddAddress adds an IPv4 address to the loopback device. Kubernetes refuses endpoints
// with loopback addresses. Labels tell the addresses apart.
func AddAddress(label, address string) error {
	return ioctlOnLink("lo:"+label, unix.SIOCSIFADDR, func(r *unix.Ifreq) error {
		return r.SetInet4Addr(net.ParseIP(address).To4())
	})
}

func ioctlOnLink(name string, request uint, set func(*unix.Ifreq) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := set(r); err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, request, r); err != nil {
		return fmt.Errorf("device %s: %w", name, err)
	}
	return nil
}
