package modules

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxModule bounds how large a module may be when decompressed, in bytes.
const maxModule = 256 << 20

// Read gives a module's code, decompressed. The file is one that Order named.
func (t *Tree) Read(file string) ([]byte, error) {
	f, err := t.fsys.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := decompress(file, f)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", file, err)
	}
	code, err := io.ReadAll(io.LimitReader(r, maxModule))
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", file, err)
	}
	return code, nil
}

func decompress(file string, r io.Reader) (io.Reader, error) {
	switch path.Ext(file) {
	case ".xz":
		return xz.NewReader(bufio.NewReader(r))
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case ".ko":
		return r, nil
	}
	return nil, errors.New("neither .ko nor .ko.xz nor .ko.zst")
}

// needs reads what must be loaded before the module: by "depends" for its symbols, and by the "pre"
// part of "softdep" for its function.
func (t *Tree) needs(file string) (depends, before []string, err error) {
	code, err := t.Read(file)
	if err != nil {
		return nil, nil, err
	}
	image, err := elf.NewFile(bytes.NewReader(code))
	if err != nil {
		return nil, nil, fmt.Errorf("module %s: %w", file, err)
	}
	section := image.Section(".modinfo")
	if section == nil {
		return nil, nil, fmt.Errorf("module %s: it has no .modinfo section", file)
	}
	info, err := section.Data()
	if err != nil {
		return nil, nil, fmt.Errorf("module %s: %w", file, err)
	}
	for line := range strings.SplitSeq(string(info), "\x00") {
		key, value, _ := strings.Cut(line, "=")
		switch {
		case key == "depends" && value != "":
			depends = append(depends, strings.Split(value, ",")...)
		case key == "softdep":
			words := strings.Fields(value)
			if len(words) > 0 && words[0] == "pre:" {
				for _, w := range words[1:] {
					if strings.HasSuffix(w, ":") {
						break
					}
					before = append(before, w)
				}
			}
		}
	}
	return depends, before, nil
}
