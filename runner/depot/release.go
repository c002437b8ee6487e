package depot

import (
	"fmt"
	"regexp"
	"strings"

	"xtest/runner/debian"
)

// Release is a distribution's release that targets can name.
type Release struct {
	Name     string // as in a target's name: debian-12
	Title    string // for people
	Codename string // in the archive
	// UML, Linux and Xen are the packages that hold (or depend on) the release's kernels and
	// hypervisor.
	UML, Linux, Cloud string
	Xen               *regexp.Regexp
}

// Releases are those that xtest knows, oldest first.
var Releases = []Release{
	{
		Name: "debian-12", Title: "Debian 12 (bookworm)", Codename: "bookworm",
		UML: "user-mode-linux", Linux: "linux-image-amd64", Cloud: "linux-image-cloud-amd64",
		Xen: regexp.MustCompile(`^xen-hypervisor-4\.\d+-amd64$`),
	},
}

// FindRelease finds a release by the name that targets use.
func FindRelease(name string) (Release, bool) {
	for _, r := range Releases {
		if r.Name == name {
			return r, true
		}
	}
	return Release{}, false
}

// WantUML asks for the release's User-Mode Linux kernel and its modules.
func (r Release) WantUML() Wanted {
	return Wanted{
		Role: "kernel", Codename: r.Codename, Name: "uml", Find: Named(r.UML), Part: "kernel and modules",
		Keep: func(name string) bool {
			return name == "usr/bin/linux.uml" || strings.HasPrefix(name, "usr/lib/uml/")
		},
	}
}

// WantLinux asks for the kernel and modules that the metapackage stands for: r.Linux or r.Cloud.
func (r Release) WantLinux(metapackage string) Wanted {
	return Wanted{
		Role: "kernel", Codename: r.Codename, Name: metapackage, Part: "kernel and modules",
		Find: func(ix *debian.Index) (*debian.Package, error) {
			meta := ix.Package(metapackage)
			if meta == nil {
				return nil, fmt.Errorf("the archive has no package %s", metapackage)
			}
			// The metapackage depends on one image, with its version in the name.
			image, _, _ := strings.Cut(strings.TrimSpace(meta.Depends), " ")
			return Named(strings.TrimSuffix(image, ","))(ix)
		},
		Keep: func(name string) bool {
			return strings.HasPrefix(name, "boot/vmlinuz-") || strings.HasPrefix(name, "lib/modules/") ||
				strings.HasPrefix(name, "usr/lib/modules/")
		},
	}
}

// WantXen asks for the release's newest Xen hypervisor.
func (r Release) WantXen() Wanted {
	return Wanted{
		Role: "hypervisor", Codename: r.Codename, Name: "xen", Part: "hypervisor",
		Find: func(ix *debian.Index) (*debian.Package, error) {
			if p := ix.Latest(r.Xen); p != nil {
				return p, nil
			}
			return nil, fmt.Errorf("the archive has no package that matches %s", r.Xen)
		},
		Keep: func(name string) bool { return strings.HasPrefix(name, "boot/xen-") },
	}
}
