package main

import (
	"fmt"
	"strings"
)

// A patch replaces a text, which must occur exactly once in a file of the
// standard library.
type patch struct {
	file, old, new string
}

// cure keeps the plugin alive on Envoy up to 1.38, which answers WASI's
// poll_oneoff with ENOSYS. Go's runtime calls it at a garbage collection once any
// timer has existed, and throws (golang.org/issue/78513): from then on every
// request gets a 503.
var cure = []patch{
	{
		// netpoll returns an empty list when only the subscription to the clock
		// is left: a plugin has no descriptor to wait for.
		file: "runtime/netpoll_wasip1.go",
		old: `	if len(pollsubs) == 0 {
		unlock(&mtx)
		return gList{}, 0
	}
`,
		new: `	if len(pollsubs) == 0 || len(subs) == 1 {
		unlock(&mtx)
		return gList{}, 0
	}
`,
	},
	{
		// usleep makes the same call. It returns early instead of throwing.
		file: "runtime/os_wasip1.go",
		old: `	if poll_oneoff(&in, &out, 1, &nevents) != 0 {
		throw("wasi_snapshot_preview1.poll_oneoff")
	}
`,
		new: `	poll_oneoff(&in, &out, 1, &nevents)
`,
	},
}

// cure applies the patches without which no plugin may be built: where the text
// is not found, somebody must look at the new toolchain first.
func (o *overlay) cure() error {
	for _, p := range cure {
		text, err := o.load(p.file)
		if err != nil {
			return err
		}
		if text, err = p.apply(text); err != nil {
			return fmt.Errorf("%w: a plugin of this Go toolchain may crash on Envoy up to 1.38; compare the file with internal/build/overlay/cure.go", err)
		}
		o.store(p.file, text)
	}
	return nil
}

// apply returns text with the patch's old text replaced.
func (p patch) apply(text string) (string, error) {
	if n := strings.Count(text, p.old); n != 1 {
		return "", fmt.Errorf("%s: the text to replace occurs %d times, want once", p.file, n)
	}
	return strings.Replace(text, p.old, p.new, 1), nil
}
