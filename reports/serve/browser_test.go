package serve

import (
	"net"
	"testing"

	"github.com/chromedp/chromedp"

	"xtest/internal/browser"
)

func TestMain(m *testing.M) { browser.Main(m) }

// The list leads to a run's page, that to its consoles and back, and several runs to one page.
func TestBrowsing(t *testing.T) {
	f, err := New(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go f.Serve(t.Context(), l)
	home := "http://" + l.Addr().String() + "/"
	b := browser.Open(t, home)
	b.Allow(home+"run/"+first, home+"console/"+first+"/console-uml%3Ddebian-12-1.log", home+"compare?run="+second+"&run="+first)
	b.Expect("document.querySelectorAll('#runs-t tbody tr').length", "3")
	b.Click(`a[href="/run/` + first + `"]`)
	b.Wait("#grid .spec")
	b.Click("#grid .spec .id")
	b.Wait("#detail a[href^='/console/']")
	b.Expect("document.querySelector('#detail a[href^=\"/console/\"]').textContent", "console-uml=debian-12-1.log")
	b.Click("#detail a[href^='/console/']")
	b.Wait("pre")
	b.Expect("document.querySelector('pre').textContent.includes('<script>alert(1)')", "true")
	b.Do(chromedp.Navigate(home+"run/"+first), chromedp.WaitVisible(chromedp.CSS("#grid .spec")))
	b.Click(".word a")
	b.Wait("#runs-t")
	b.Click(`input[value="` + first + `"]`)
	b.Click(`input[value="` + second + `"]`)
	b.Click("#glance form button")
	b.Wait("#grid .spec")
	b.Expect("document.querySelectorAll('.card').length", "2")
}
