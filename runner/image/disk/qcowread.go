package disk

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// readFile fills p from the image's file; an image that ends too early is damaged.
func (q *qcow) readFile(p []byte, at int64) error {
	if at < 0 || at > q.fileSize-int64(len(p)) {
		return errDamaged
	}
	_, err := q.file.ReadAt(p, at)
	if errors.Is(err, io.EOF) {
		err = errDamaged
	}
	return err
}

// ReadAt reads the disk.
func (q *qcow) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 {
		return 0, errors.New("reading a disk before its beginning")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	done := 0
	for done < len(p) {
		if at >= q.size {
			return done, io.EOF
		}
		in := at & (1<<q.bits - 1)
		n := min(int64(len(p)-done), 1<<q.bits-in, q.size-at)
		if err := q.read(p[done:done+int(n)], at, in); err != nil {
			return done, err
		}
		done += int(n)
		at += n
	}
	return done, nil
}

// read fills p, which lies within one cluster, in bytes behind its beginning.
func (q *qcow) read(p []byte, at, in int64) error {
	perTable := int64(1) << (q.bits - 3)
	cluster := at >> q.bits
	place := int64(q.l1[cluster/perTable] & offsetMask)
	if place == 0 {
		return q.readBehind(p, at)
	}
	table, err := q.table(place)
	if err != nil {
		return err
	}
	entry := table[cluster%perTable]
	switch {
	case entry&compressed != 0:
		if err := q.unpack(entry); err != nil {
			return err
		}
		copy(p, q.cluster[in:])
		return nil
	case q.version == 3 && entry&readsZero != 0:
		clear(p)
		return nil
	case entry&offsetMask == 0:
		return q.readBehind(p, at)
	}
	return q.readEnd(p, int64(entry&offsetMask)+in)
}

// readEnd fills p with zeros where the file ends: the last cluster need not be whole.
func (q *qcow) readEnd(p []byte, at int64) error {
	have := min(max(q.fileSize-at, 0), int64(len(p)))
	if have == 0 {
		return errDamaged
	}
	clear(p[have:])
	return q.readFile(p[:have], at)
}

func (q *qcow) readBehind(p []byte, at int64) error {
	have := min(max(q.behindTo-at, 0), int64(len(p)))
	clear(p[have:])
	if have == 0 {
		return nil
	}
	_, err := q.behind.ReadAt(p[:have], at)
	if errors.Is(err, io.EOF) {
		err = errDamaged
	}
	return err
}

// table gives a second-level table.
func (q *qcow) table(place int64) ([]uint64, error) {
	if t := q.kept[place]; t != nil {
		return t, nil
	}
	raw := make([]byte, 1<<q.bits)
	if err := q.readFile(raw, place); err != nil {
		return nil, err
	}
	if len(q.order) == tables {
		delete(q.kept, q.order[0])
		q.order = q.order[1:]
	}
	t := words(raw)
	q.kept[place], q.order = t, append(q.order, place)
	return t, nil
}

// unpack decompresses a cluster, which the entry describes: where it is, and how many more sectors
// of 512 bytes it reaches into.
func (q *qcow) unpack(entry uint64) error {
	if q.cluster != nil && q.packed == entry {
		return nil
	}
	x := 62 - (q.bits - 8)
	at := int64(entry & (1<<x - 1))
	sectors := int64(entry>>x&(1<<(q.bits-8)-1)) + 1
	length := min(sectors*512-at&511, q.fileSize-at)
	if length <= 0 {
		return errDamaged
	}
	raw := make([]byte, length)
	if err := q.readFile(raw, at); err != nil {
		return err
	}
	out := make([]byte, 1<<q.bits)
	if err := q.inflate(raw, out); err != nil {
		return err
	}
	q.packed, q.cluster = entry, out
	return nil
}

func (q *qcow) inflate(raw, out []byte) error {
	var r io.Reader
	if q.zstd {
		z, err := zstd.NewReader(bytes.NewReader(raw), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return err
		}
		defer z.Close()
		r = z
	} else {
		r = flate.NewReader(bytes.NewReader(raw))
	}
	if _, err := io.ReadFull(r, out); err != nil {
		return errDamaged
	}
	return nil
}
