package debian

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// arMagic starts an archive, arHeader is the size of a member's header; see deb(5) and ar(5).
const (
	arMagic  = "!<arch>\n"
	arHeader = 60
)

// errTruncated marks an archive that ends too early.
var errTruncated = errors.New("it is truncated")

// arMembers calls visit for each member of an archive of size bytes until visit returns false or an
// error. Nothing is read into memory but the headers.
func arMembers(r io.ReaderAt, size int64, visit func(name string, body *io.SectionReader) (bool, error)) error {
	head := make([]byte, arHeader)
	if _, err := r.ReadAt(head[:len(arMagic)], 0); err != nil || string(head[:len(arMagic)]) != arMagic {
		if err != nil && err != io.EOF {
			return err
		}
		return errors.New("it is not an ar archive")
	}
	for at := int64(len(arMagic)); at < size; {
		if size-at < arHeader {
			return fmt.Errorf("%w: %d bytes where a member's header should be", errTruncated, size-at)
		}
		if _, err := r.ReadAt(head, at); err != nil {
			return err
		}
		if head[58] != '`' || head[59] != '\n' {
			return fmt.Errorf("no ar header at byte %d", at)
		}
		// deb(5): names are padded with spaces; some writers end them with a slash.
		name := strings.TrimSuffix(strings.TrimRight(string(head[:16]), " "), "/")
		n, err := strconv.ParseUint(strings.TrimRight(string(head[48:58]), " "), 10, 40)
		if err != nil {
			return fmt.Errorf("the ar header at byte %d has a bad size: %w", at, err)
		}
		at += arHeader
		if int64(n) > size-at {
			return fmt.Errorf("%w: member %q needs %d bytes and %d are there", errTruncated, name, n, size-at)
		}
		more, err := visit(name, io.NewSectionReader(r, at, int64(n)))
		if err != nil || !more {
			return err
		}
		at += int64(n + n%2) // members start at even offsets
	}
	return nil
}
