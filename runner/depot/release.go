package depot

import (
	"fmt"
	"regexp"
	"strings"

	"xtest/internal/late"
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
	Xen               func() *regexp.Regexp
}

// Releases are those that xtest knows, oldest first.
var Releases = []Release{
	debianRelease("debian-11", "Debian 11 (bullseye)", "bullseye"),
	debianRelease("debian-12", "Debian 12 (bookworm)", "bookworm"),
	debianRelease("debian-13", "Debian 13 (trixie)", "trixie"),
	debianRelease("debian-sid", "Debian unstable (sid)", "sid"),
}

func debianRelease(name, title, codename string) Release {
	return Release{
		Name: name, Title: title, Codename: codename,
		UML: "user-mode-linux", Linux: "linux-image-amd64", Cloud: "linux-image-cloud-amd64",
		Xen: late.Regexp(`^xen-hypervisor-4\.\d+-amd64$`),
	}
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

// WantLibc asks for the release's C library.
func (r Release) WantLibc() Wanted {
	return Wanted{
		Role: "libc", Codename: r.Codename, Name: "libc", Find: Named("libc6"), Part: "libraries",
		Keep: func(name string) bool { return strings.Contains(name, "lib/x86_64-linux-gnu/") },
	}
}

// WantLinux asks for the kernel that the metapackage (r.Linux or r.Cloud) stands for, in
// boot/vmlinuz-VERSION or usr/lib/modules/VERSION/vmlinuz.
func (r Release) WantLinux(metapackage string) Wanted {
	return r.wantLinux("kernel", metapackage, kernelBinary)
}

// WantModules asks for that kernel's modules, in lib/modules/VERSION or usr/lib/modules/VERSION.
func (r Release) WantModules(metapackage string) Wanted {
	return r.wantLinux("modules", metapackage, kernelModules)
}

// Since Linux 7 Debian splits a kernel's package in two, on which the image's package depends.
var (
	kernelImage   = late.Regexp(`linux-image-[a-z0-9.+-]+`)
	kernelBinary  = late.Regexp(`linux-binary-[a-z0-9.+-]+`)
	kernelModules = late.Regexp(`linux-modules-[a-z0-9.+-]+`)
)

func (r Release) wantLinux(role, metapackage string, part func() *regexp.Regexp) Wanted {
	return Wanted{
		Role: role, Codename: r.Codename, Name: metapackage + " " + role, Part: "kernel and modules",
		Find: func(ix *debian.Index) (*debian.Package, error) {
			meta, err := Named(metapackage)(ix)
			if err != nil {
				return nil, err
			}
			// The metapackage depends on one image, with its version in the name, and maybe more.
			name := kernelImage().FindString(meta.Depends)
			if name == "" {
				return nil, fmt.Errorf("the package %s depends on no kernel image, but on %q", metapackage, meta.Depends)
			}
			image, err := Named(name)(ix)
			if err != nil {
				return nil, err
			}
			if split := part().FindString(image.Depends); split != "" {
				return Named(split)(ix)
			}
			return image, nil
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
			if p := ix.Latest(r.Xen()); p != nil {
				return p, nil
			}
			return nil, fmt.Errorf("the archive has no package that matches %s", r.Xen())
		},
		Keep: func(name string) bool { return strings.HasPrefix(name, "boot/xen-") },
	}
}
