package inspection

import (
	"errors"
	"io/fs"
	"strings"
)

// osRelease reads os-release(5): the file in /etc, else that in /usr/lib.
func (s *System) osRelease() (map[string]string, error) {
	text, err := s.Text("/etc/os-release")
	if errors.Is(err, fs.ErrNotExist) {
		text, err = s.Text("/usr/lib/os-release")
	}
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		// Values are quoted as in a shell, of which these two ways are all that is used.
		for _, q := range []string{`"`, "'"} {
			if len(value) > 1 && strings.HasPrefix(value, q) && strings.HasSuffix(value, q) {
				value = strings.NewReplacer(`\"`, `"`, `\$`, "$", `\\`, `\`, "\\`", "`").Replace(value[1 : len(value)-1])
			}
		}
		values[key] = value
	}
	return values, nil
}

// Describe says in a few words what the root is.
func (s *System) Describe() string {
	about := s.Distro()
	if abi, err := s.Native(); err == nil {
		about = strings.TrimPrefix(about+", "+abi.Short(), ", ")
	}
	return about
}
