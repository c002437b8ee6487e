package inspection

import (
	"fmt"
	"slices"
	"strings"

	"xtest/suites/spec"
)

// module is one of LSB's modules beside Core, which is judged where the distribution claims it.
type module struct {
	name      string
	commands  []Utility
	libraries []string // SONAMEs
}

// modules with their commands and libraries: LSB 5.0 Common 3.2 to 3.4. Those that LSB has on trial are not asked for.
var modules = []module{
	{"desktop", []Utility{
		{"fc-cache", ""}, {"fc-list", ""}, {"fc-match", ""}, {"xdg-desktop-icon", ""}, {"xdg-desktop-menu", ""},
		{"xdg-email", ""}, {"xdg-icon-resource", ""}, {"xdg-mime", ""}, {"xdg-open", ""}, {"xdg-screensaver", ""},
	}, []string{
		"libGL.so.1", "libGLU.so.1", "libICE.so.6", "libSM.so.6", "libX11.so.6", "libXext.so.6", "libXft.so.2",
		"libXi.so.6", "libXrender.so.1", "libXt.so.6", "libXtst.so.6", "libcairo.so.2", "libcairo-gobject.so.2",
		"libcairo-script-interpreter.so.2", "libfontconfig.so.1", "libfreetype.so.6", "libjpeg.so.62",
		"libpng12.so.0", "libtiff.so.5", "libxcb.so.1", "libasound.so.2", "libatk-1.0.so.0", "libgdk-x11-2.0.so.0",
		"libgdk_pixbuf-2.0.so.0", "libgdk_pixbuf_xlib-2.0.so.0", "libgio-2.0.so.0", "libglib-2.0.so.0",
		"libgmodule-2.0.so.0", "libgobject-2.0.so.0", "libgthread-2.0.so.0", "libgtk-x11-2.0.so.0",
		"libpango-1.0.so.0", "libpangocairo-1.0.so.0", "libpangoft2-1.0.so.0", "libpangoxft-1.0.so.0",
		"libQtCore.so.4", "libQtGui.so.4", "libQtNetwork.so.4", "libQtOpenGL.so.4", "libQtSql.so.4", "libQtSvg.so.4",
		"libQtXml.so.4",
	}},
	{"languages", []Utility{{"perl", "/usr/bin/perl"}, {"python", "/usr/bin/python"}}, []string{"libxml2.so.2", "libxslt.so.1"}},
	{"imaging", []Utility{{"foomatic-rip", "/usr/bin/foomatic-rip"}, {"gs", "/usr/bin/gs"}}, []string{"libcups.so.2", "libcupsimage.so.2", "libsane.so.1"}},
}

func moduleLibraryChecks() []Check {
	var all []Check
	for _, m := range modules {
		all = append(all, Check{Meta: spec.Meta{
			ID: "libraries/" + m.name, Clause: fmt.Sprintf("LSB 5.0 Common 3.2 to 3.4: the dynamic linker finds the %d libraries of the module %s, where it is claimed", len(m.libraries), m.name),
			Level: spec.Must,
		}, Needs: []Need{m.claimed()}, judge: func(s *System) (Finding, error) { return s.judgeLibraries(m.libraries) }})
	}
	return all
}

// Module says how much one of LSB's modules beside Core asks for.
type Module struct {
	Name                string
	Commands, Libraries int
}

// Modules lists them.
func Modules() (all []Module) {
	for _, m := range modules {
		all = append(all, Module{m.name, len(m.commands), len(m.libraries)})
	}
	return all
}

// claimed asks whether the distribution says that it has the module, where lsb_release(1) reads it.
func (m module) claimed() Need {
	return Need{"claim to the module " + m.name, func(s *System) error {
		for _, claim := range s.claims() {
			if strings.HasPrefix(claim, m.name+"-") {
				return nil
			}
		}
		return fmt.Errorf("neither /etc/lsb-release nor /etc/lsb-release.d claims LSB's module %s", m.name)
	}}
}

// claims lists the modules of LSB that the root says it has: those of LSB_VERSION in /etc/lsb-release,
// and the names in /etc/lsb-release.d.
func (s *System) claims() []string {
	var all []string
	text, err := s.Text("/etc/lsb-release")
	if err == nil {
		for line := range strings.Lines(text) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "LSB_VERSION="); ok {
				all = strings.Split(strings.Trim(value, `"'`), ":")
			}
		}
	}
	names, err := s.List("/etc/lsb-release.d")
	if err == nil {
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
