package depot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xtest/runner/cache"
	"xtest/runner/debian"
)

func newDepot(t *testing.T) *Depot {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	// An index that is known already, so that no archive is asked.
	return &Depot{Cache: c, indexes: map[string]*debian.Index{"bookworm": {}}}
}

// stored puts a package's unpacked files where Unpacked looks for them.
func stored(t *testing.T, d *Depot, w Wanted, hash string) string {
	t.Helper()
	key := sha256.Sum256([]byte("unpacked 1\n" + hash + "\n" + w.Part))
	dir, err := d.Cache.Tree(t.Context(), hex.EncodeToString(key[:]), "x", func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func wanted(find func(*debian.Index) (*debian.Package, error)) Wanted {
	return Wanted{Role: "kernel", Codename: "bookworm", Name: "uml", Part: "all", Find: find}
}

func TestChoiceIsPinned(t *testing.T) {
	d := newDepot(t)
	asked := 0
	w := wanted(func(*debian.Index) (*debian.Package, error) {
		asked++
		return &debian.Package{Name: "linux", Version: "6.1", SHA256: "aa"}, nil
	})
	dir := stored(t, d, w, "aa")
	for range 2 {
		p, err := d.Unpacked(t.Context(), w)
		if err != nil || p.Dir != dir || p.Artefact.Package != "linux" || p.Artefact.Version != "6.1" || p.Artefact.SHA256 != "aa" || p.Artefact.Role != "kernel" {
			t.Errorf("got %+v, %v", p, err)
		}
	}
	if asked != 1 {
		t.Errorf("the index was asked %d times", asked)
	}
	// A second choice does not cost the first its pin.
	other := w
	other.Name = "other"
	if _, err := d.Unpacked(t.Context(), other); err != nil {
		t.Error(err)
	}
	if pins := d.pins("bookworm"); len(pins) != 2 || pins["uml"].Version != "6.1" {
		t.Errorf("pinned %v", pins)
	}
	// A damaged pin costs a look-up.
	for _, damage := range []string{"{", "null", "[]", ""} {
		if err := d.Cache.SetPin(pinName("bookworm"), []byte(damage)); err != nil {
			t.Fatal(err)
		}
		asked = 0
		if _, err := d.Unpacked(t.Context(), w); err != nil || asked != 1 {
			t.Errorf("pinned %q: asked %d times, %v", damage, asked, err)
		}
	}
}

func TestChoiceThatIsGone(t *testing.T) {
	d := newDepot(t)
	text, _ := json.Marshal(map[string]choice{"uml": {"linux", "6.1", "bb"}})
	if err := d.Cache.SetPin(pinName("bookworm"), text); err != nil {
		t.Fatal(err)
	}
	_, err := d.Unpacked(t.Context(), wanted(nil))
	if err == nil || !strings.Contains(err.Error(), "obtaining the kernel linux") || !strings.Contains(err.Error(), "`xtest cache update`") {
		t.Errorf("got %v", err)
	}
	_, err = newDepot(t).Unpacked(t.Context(), wanted(Named("linux")))
	if err == nil || !strings.Contains(err.Error(), "choosing the kernel of bookworm: the archive has no package linux") {
		t.Errorf("got %v", err)
	}
	for _, w := range []Wanted{Releases[0].WantLinux("linux-image-amd64"), Releases[0].WantXen(), Releases[0].WantUML()} {
		if _, err := w.Find(&debian.Index{}); err == nil || !strings.Contains(err.Error(), "the archive has no package") {
			t.Errorf("%s: %v", w.Role, err)
		}
	}
}

func TestIndexIsLoadedOnce(t *testing.T) {
	d := newDepot(t)
	loads := 0
	load := func(context.Context, *cache.Cache, debian.Mirror, []debian.Suite, string, debian.Progress) (*debian.Index, error) {
		loads++
		return &debian.Index{Warnings: []string{"old"}}, nil
	}
	var warned []string
	d.Warn = func(s string) { warned = append(warned, s) }
	d.Override = debian.Override{Mirror: "http://mirror.example.org/debian"}
	first, err := d.index(t.Context(), "trixie", load, false)
	if err != nil {
		t.Skip("needs the package manager's settings: ", err)
	}
	second, err := d.index(t.Context(), "trixie", load, false)
	if err != nil || first != second || loads != 1 || len(warned) != 1 {
		t.Errorf("loaded %d times, warned %q, %v", loads, warned, err)
	}
	// An update is one, also where the old index is known.
	third, err := d.index(t.Context(), "trixie", load, true)
	if err != nil || third == first || loads != 2 {
		t.Errorf("loaded %d times, %v", loads, err)
	}
	if again, _ := d.index(t.Context(), "trixie", load, false); again != third {
		t.Error("the old index came again")
	}
	failing := func(context.Context, *cache.Cache, debian.Mirror, []debian.Suite, string, debian.Progress) (*debian.Index, error) {
		return nil, errors.New("the mirror is down")
	}
	if _, err := d.index(t.Context(), "trixie", failing, true); err == nil {
		t.Error("an update failed silently")
	}
}

func TestReleases(t *testing.T) {
	for _, r := range Releases {
		if found, ok := FindRelease(r.Name); !ok || found.Codename != r.Codename {
			t.Errorf("%s is not found", r.Name)
		}
		if r.Title == "" || r.UML == "" || r.Linux == "" || r.Cloud == "" {
			t.Errorf("%+v lacks something", r)
		}
	}
	if _, ok := FindRelease("debian-0"); ok {
		t.Error("debian-0 is found")
	}
	r, _ := FindRelease("debian-12")
	for name, want := range map[string]bool{"usr/bin/linux.uml": true, "usr/lib/uml/modules/x.ko": true, "usr/share/doc/x": false} {
		if r.WantUML().Keep(name) != want {
			t.Errorf("UML keeps %s: %v", name, !want)
		}
	}
	for name, want := range map[string]bool{"boot/vmlinuz-6.1": true, "lib/modules/6.1/x.ko": true, "usr/lib/modules/6.1/x": true, "boot/System.map-6.1": false} {
		if r.WantLinux("x").Keep(name) != want {
			t.Errorf("Linux keeps %s: %v", name, !want)
		}
	}
	for name, want := range map[string]bool{"boot/xen-4.17-amd64.gz": true, "etc/default/grub.d/xen.cfg": false} {
		if r.WantXen().Keep(name) != want {
			t.Errorf("Xen keeps %s: %v", name, !want)
		}
	}
	for name, want := range map[string]bool{"xen-hypervisor-4.17-amd64": true, "xen-hypervisor-4.17-amd64-dbg": false, "xen-hypervisor-common": false} {
		if r.Xen().MatchString(name) != want {
			t.Errorf("Xen is %s: %v", name, !want)
		}
	}
}

// What was made of packages is made anew after an update, as everything else is chosen anew.
func TestUpdateForgetsWhatWasMade(t *testing.T) {
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := &Depot{Cache: c}
	if got := d.Remembered("bookworm", "rootfs"); got != "" {
		t.Errorf("remembers %q before anything was made", got)
	}
	if err := d.Remember("bookworm", "rootfs", "key"); err != nil {
		t.Fatal(err)
	}
	if got, other := d.Remembered("bookworm", "rootfs"), d.Remembered("trixie", "rootfs"); got != "key" || other != "" {
		t.Errorf("remembers %q, and %q of another release", got, other)
	}
	if err := d.forget("bookworm"); err != nil {
		t.Fatal(err)
	}
	if got := d.Remembered("bookworm", "rootfs"); got != "" {
		t.Errorf("still remembers %q", got)
	}
}
