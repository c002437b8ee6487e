package program

import (
	"fmt"
	"strconv"
	"strings"

	"xtest/fuzz/call"
)

// Head is how a text of programs begins; the name of the space and its version follow.
const Head = "# xtest fuzz programs 1: "

var forms = []string{Unmapped: "unmapped", ReadOnly: "readonly", Hypervisor: "hypervisor", Wild: "noncanonical"}
var places = []string{Anywhere: "", Straddle: "straddle", Edge: "edge", Short: "short"}

// Header is the first line of a file of programs.
func Header(s *call.Space) string { return fmt.Sprintf("%s%s %d\n", Head, s.Name, s.Version) }

// String is the program as text: a line for each call.
func (p *Program) String() string {
	var b strings.Builder
	for _, c := range p.Calls {
		b.WriteString(c.Op.Name)
		b.WriteByte('(')
		for i := range c.Op.Args {
			if i > 0 {
				b.WriteString(", ")
			}
			p.write(&b, c.Args[i], 0)
		}
		b.WriteString(")\n")
	}
	return b.String()
}

// maxDepth is how deep buffers show buffers.
const maxDepth = 4

func (p *Program) write(b *strings.Builder, v Value, depth int) {
	switch v.Form {
	case Number:
		if v.N < 10 {
			b.WriteByte('0' + byte(v.N))
			return
		}
		b.WriteString("0x")
		b.WriteString(strconv.FormatUint(v.N, 16))
	case Pointer:
		buf := p.Buffers[v.N]
		fmt.Fprintf(b, "&%s%d", places[buf.Place], buf.Size)
		if buf.Text != "" {
			b.WriteString(strconv.Quote(buf.Text))
		}
		if depth == maxDepth {
			return
		}
		b.WriteByte('{')
		for i, f := range p.Fields[buf.First:buf.Last] {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(b, "%s@%d:%d=", f.Name, f.Off, f.Size)
			p.write(b, f.Value, depth+1)
		}
		b.WriteByte('}')
	case From:
		fmt.Fprintf(b, "from%d+%d:%d", v.N, v.Off, v.Size)
	case Result:
		fmt.Fprintf(b, "result%d", v.N)
	case Alias:
		fmt.Fprintf(b, "same%d", v.N)
	case Version:
		fmt.Fprintf(b, "version%d", v.N)
	default:
		b.WriteString(forms[v.Form])
	}
}

// ParseFile reads a file of programs: a header, and programs with an empty line between them. Lines that
// begin with # are comments.
func ParseFile(text string) (*call.Space, []*Program, error) {
	head, rest, _ := strings.Cut(text, "\n")
	var name string
	var version int
	if n, err := fmt.Sscanf(head, Head+"%s %d", &name, &version); n != 2 || err != nil {
		return nil, nil, fmt.Errorf("it is no file of programs: its first line is %.60q and not %q", head, Head+"xen 1")
	}
	s, ok := call.Find(name)
	if !ok {
		return nil, nil, fmt.Errorf("its programs are for %q, which this xtest does not know", name)
	}
	if s.Version != version {
		return nil, nil, fmt.Errorf("its programs are of version %d of %s, and this xtest has version %d: fuzz anew, old programs would mean something else", version, name, s.Version)
	}
	var list []*Program
	var p *Program
	for i, line := range strings.Split(rest, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			p = nil
			continue
		case strings.HasPrefix(line, "#"):
			continue
		}
		if p == nil {
			p = &Program{Space: s}
			list = append(list, p)
		}
		if err := p.parse(line); err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	return s, list, nil
}

// parse adds the call of a line.
func (p *Program) parse(line string) error {
	name, rest, ok := strings.Cut(line, "(")
	if !ok {
		return fmt.Errorf("%.40q is no call", line)
	}
	op, ok := p.Space.Lookup(name)
	if !ok {
		return fmt.Errorf("there is no call %q", name)
	}
	c := Call{Op: op}
	s := &scanner{p: p, rest: rest, calls: len(p.Calls)}
	for i := 0; ; i++ {
		if s.take(")") {
			break
		}
		if i > 0 {
			s.want(",")
		}
		if i == len(c.Args) {
			return fmt.Errorf("%s: too many arguments", name)
		}
		c.Args[i] = s.value(0)
		if s.err != nil {
			return fmt.Errorf("%s: argument %d: %w", name, i+1, s.err)
		}
	}
	p.Calls = append(p.Calls, c)
	return s.err
}

type scanner struct {
	p     *Program
	rest  string
	calls int
	err   error
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

func (s *scanner) take(word string) bool {
	s.rest = strings.TrimLeft(s.rest, " ")
	after, ok := strings.CutPrefix(s.rest, word)
	if ok {
		s.rest = after
	}
	return ok
}

func (s *scanner) want(word string) {
	if !s.take(word) {
		s.fail("%q expected at %.20q", word, s.rest)
	}
}

func (s *scanner) number(bits int) uint64 {
	end := strings.IndexFunc(s.rest, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r == 'x')
	})
	if end < 0 {
		end = len(s.rest)
	}
	n, err := strconv.ParseUint(s.rest[:end], 0, bits)
	if err != nil {
		s.fail("a number expected at %.20q", s.rest)
	}
	s.rest = s.rest[end:]
	return n
}

// earlier reads the index of a call that came before.
func (s *scanner) earlier() uint64 {
	n := s.number(32)
	if n >= uint64(s.calls) {
		s.fail("it takes something from call %d, which comes later", n)
		return 0
	}
	return n
}

// MaxBuffer bounds a buffer, in bytes.
const MaxBuffer = 4 << 10

func (s *scanner) value(depth int) Value {
	for form, word := range forms {
		if word != "" && s.take(word) {
			return Value{Form: Form(form)}
		}
	}
	switch {
	case s.take("from"):
		v := Value{Form: From, N: s.earlier()}
		s.want("+")
		v.Off = uint16(s.number(16))
		s.want(":")
		v.Size = uint8(s.number(4))
		return v
	case s.take("result"):
		return Value{Form: Result, N: s.earlier()}
	case s.take("same"):
		return Value{Form: Alias, N: s.earlier()}
	case s.take("version"):
		return Value{Form: Version, N: s.number(16)}
	case s.take("&"):
		return s.buffer(depth)
	}
	s.take("")
	return Value{N: s.number(64)}
}

func (s *scanner) buffer(depth int) Value {
	if depth == maxDepth {
		s.fail("too deep")
		return Value{}
	}
	b := Buffer{}
	for i, word := range places {
		if word != "" && s.take(word) {
			b.Place = Place(i)
		}
	}
	b.Size = uint32(s.number(32))
	if b.Size > MaxBuffer {
		s.fail("a buffer of %d bytes; %d is the most", b.Size, MaxBuffer)
	}
	if strings.HasPrefix(s.rest, `"`) {
		quoted, err := strconv.QuotedPrefix(s.rest)
		if err == nil {
			b.Text, err = strconv.Unquote(quoted)
		}
		if err != nil {
			s.fail("a text expected at %.20q", s.rest)
			return Value{}
		}
		s.rest = s.rest[len(quoted):]
	}
	var fields []Field
	s.want("{")
	for i := 0; s.err == nil && !s.take("}"); i++ {
		if i > 0 {
			s.want(",")
		}
		s.take("")
		f := Field{}
		at := strings.IndexByte(s.rest, '@')
		if at < 0 {
			s.fail("a field expected at %.20q", s.rest)
			break
		}
		f.Name, s.rest = s.rest[:at], s.rest[at+1:]
		f.Off = uint32(s.number(32))
		s.want(":")
		f.Size = uint8(s.number(8))
		s.want("=")
		f.Value = s.value(depth + 1)
		if f.Size != 1 && f.Size != 2 && f.Size != 4 && f.Size != 8 || f.Off+uint32(f.Size) > b.Size {
			s.fail("field %s is not in its buffer", f.Name)
		}
		fields = append(fields, f)
	}
	b.First = int32(len(s.p.Fields))
	s.p.Fields = append(s.p.Fields, fields...)
	b.Last = int32(len(s.p.Fields))
	s.p.Buffers = append(s.p.Buffers, b)
	return Value{Form: Pointer, N: uint64(len(s.p.Buffers) - 1)}
}

// Words is a call as a sentence for people.
func (p *Program) Words(c int) string {
	cl := &p.Calls[c]
	var parts []string
	for i := range cl.Args {
		v := cl.Args[i]
		if v.Form == Number && v.N == 0 || i < len(cl.Op.Args) && cl.Op.Args[i].Kind == call.Const && v.Form == Number && v.N == cl.Op.Args[i].Const {
			continue
		}
		parts = append(parts, fmt.Sprintf("argument %d %s", i+1, p.say(v, 0)))
	}
	if len(parts) == 0 {
		return cl.Op.Name
	}
	return cl.Op.Name + " with " + strings.Join(parts, ", ")
}

func (p *Program) say(v Value, depth int) string {
	switch v.Form {
	case Pointer:
		b := p.Buffers[v.N]
		where := map[Place]string{Straddle: " across a page's end", Edge: " at the end of what is mapped", Short: " of which the second half is not mapped"}[b.Place]
		var fields []string
		for _, f := range p.Fields[b.First:b.Last] {
			if f.Form != Number || f.N != 0 {
				if depth < maxDepth {
					fields = append(fields, f.Name+" "+p.say(f.Value, depth+1))
				}
			}
		}
		text := fmt.Sprintf("the address of %d bytes%s", b.Size, where)
		if b.Text != "" {
			text += " " + strconv.Quote(b.Text)
		}
		if len(fields) > 0 {
			text += " (" + strings.Join(fields, ", ") + ")"
		}
		return text
	case From:
		return fmt.Sprintf("what call %d left at offset %d", v.N+1, v.Off)
	case Result:
		return fmt.Sprintf("what call %d returned", v.N+1)
	case Alias:
		return fmt.Sprintf("the address that call %d got", v.N+1)
	case Version:
		return "the version of the interface"
	case Number:
		return fmt.Sprintf("%#x", v.N)
	}
	return map[Form]string{Unmapped: "an address that is not mapped", ReadOnly: "an address that is read-only", Hypervisor: "an address of Xen's own", Wild: "an address that is no address"}[v.Form]
}
