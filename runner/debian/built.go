package debian

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Built says when a binary package was built, as its archive's first header tells: deb(5), ar(5). With
// SOURCE_DATE_EPOCH, which Debian's builders set, it is the time of the last entry in the package's
// changelog, and no file in the package is younger.
func Built(deb string) (time.Time, error) {
	f, err := os.Open(deb)
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close() // only read
	head := make([]byte, len(arMagic)+arHeader)
	if _, err := f.ReadAt(head, 0); err != nil || string(head[:len(arMagic)]) != arMagic {
		return time.Time{}, fmt.Errorf("reading when %s was built: it is not an ar archive", deb)
	}
	seconds, err := strconv.ParseUint(strings.TrimRight(string(head[len(arMagic)+16:len(arMagic)+28]), " "), 10, 40)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading when %s was built: %w", deb, err)
	}
	return time.Unix(int64(seconds), 0), nil
}
