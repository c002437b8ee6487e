package debian_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"xtest/internal/required"
	"xtest/runner/cache"
	"xtest/runner/debian"
)

// TestHostMirror uses the archive that this machine is set to.
func TestHostMirror(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches some 10 MB")
	}
	host, err := debian.HostSources("/")
	if err != nil {
		t.Fatal(err)
	}
	mirror, err := host.Mirror(debian.Override{})
	if err != nil {
		t.Skipf("this machine's apt names no Debian archive: %v", err)
	}
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	began := time.Now()
	_, err = debian.Load(ctx, c, mirror, debian.Suites("bookworm"), "amd64", nil)
	var netErr net.Error
	unreachable := errors.As(err, &netErr) || errors.Is(err, context.DeadlineExceeded)
	if unreachable {
		required.Missing(t, "the mirror cannot be reached: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	cold := time.Since(began)
	began = time.Now()
	ix, err := debian.Load(ctx, c, mirror, debian.Suites("bookworm"), "amd64", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d packages; cold %v, warm %v; warnings %q", ix.Len(), cold, time.Since(began), ix.Warnings)

	uml := ix.Package("user-mode-linux")
	if uml == nil || uml.Size < 1<<20 {
		t.Fatalf("user-mode-linux: %+v", uml)
	}
	kernels, err := ix.Closure([]string{"linux-image-cloud-amd64"}, func(p *debian.Package) bool {
		return p.Section == "kernel" || p.Section == "metapackages"
	})
	if err != nil || len(kernels) < 2 {
		t.Errorf("the kernel behind linux-image-cloud-amd64: %v, %v", kernels, err)
	}
	base := ix.Base("required")
	names := []string{"hello"}
	for _, p := range base {
		names = append(names, p.Name)
	}
	all, err := ix.Closure(names, nil)
	if err != nil || len(all) < 50 {
		t.Errorf("the base system: %d packages, %v", len(all), err)
	}

	deb, err := ix.Package("hello").Fetch(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	control, err := debian.ReadControl(deb)
	if err != nil || control.Fields["Package"] != "hello" {
		t.Errorf("control: %v, %v", control, err)
	}
	dir := t.TempDir()
	if err := debian.Extract(deb, dir, nil); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(filepath.Join(dir, "usr/bin/hello")); err != nil || st.Mode().Perm() != 0o755 {
		t.Errorf("usr/bin/hello: %v, %v", st, err)
	}
}
