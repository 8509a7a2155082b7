// SPDX-License-Identifier: Apache-2.0

package users

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// TestVectors are the published ones of the two SHA methods, and some of MD5.
func TestVectors(t *testing.T) {
	for _, c := range []struct{ password, value string }{
		{"Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
		{"Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"},
		{"This is just a test", "$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5"},
		{"a very much longer text to encrypt.  This one even stretches over morethan one line.", "$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1"},
		{"Hello world!", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"},
		{"Hello world!", "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."},
		{"the minimum number is still observed", "$6$rounds=10$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX."},
		{"pass", "$1$abcdefgh$1s0bv7.OjNizlrMAOIQD7."},
	} {
		h, err := parse(c.value)
		if err != nil {
			t.Errorf("%s: %v", c.value, err)
			continue
		}
		if !h.of([]byte(c.password)) {
			t.Errorf("%s is not the hash of %q", c.value, c.password)
		}
		if h.of([]byte(c.password + "x")) {
			t.Errorf("%s is the hash of another password", c.value)
		}
	}
}

// TestAgainstOpenSSL compares with another implementation.
func TestAgainstOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not here: install openssl")
	}
	r := rand.New(rand.NewPCG(1, 2))
	text := func(n int, from string) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = from[r.IntN(len(from))]
		}
		return string(b)
	}
	const salts = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, method := range []string{md5, sha2, sha5} {
		longest := 16
		if method == md5 {
			longest = 8
		}
		for n := range 24 {
			password := text(1+n*n%200, salts+" !\"$%&'()*äöü")
			salt := text(1+r.IntN(longest), salts)
			cmd := exec.Command("openssl", "passwd", "-"+method, "-salt", salt, "-stdin")
			cmd.Stdin = strings.NewReader(password + "\n")
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			value := strings.TrimSpace(string(out))
			h, err := parse(value)
			if err != nil {
				t.Fatalf("%s: %v", value, err)
			}
			if !h.of([]byte(password)) {
				t.Errorf("openssl makes %s of %q; we do not", value, password)
			}
		}
	}
}

func TestParse(t *testing.T) {
	for value, want := range map[string]string{
		"":                                "no hash",
		"x":                               "no hash",
		"$":                               "no hash",
		"$0$clear":                        "not hashed",
		"$2b$10$abc":                      "not known",
		"$y$j9T$abc$def":                  "not known",
		"$6$rounds=1000000$salt$sum":      "more than 500000",
		"$6$rounds=99999999999999$sa$sum": "more than 500000",
		"$6$salt":                         "no hash",
		"$6$$sum":                         "no hash",
		"$6$saltsaltsaltsalts$sum":        "no hash",
		"$1$saltsalts$sum":                "no hash",
		"$6$salt$sum$more":                "no hash",
	} {
		if _, err := parse(value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", value, err)
		}
	}
	if h, err := parse("$5$rounds=20$salt$sum"); err != nil || h.rounds != minRounds {
		t.Errorf("%v, %v", h.rounds, err)
	}
}

func TestSum(t *testing.T) {
	seen := make(map[string]bool)
	for range 3 {
		value, err := sum("geheim")
		if err != nil {
			t.Fatal(err)
		}
		h, err := parse(value)
		if err != nil || seen[value] || !strings.HasPrefix(value, "$6$") || !h.of([]byte("geheim")) {
			t.Errorf("%s: %v", value, err)
		}
		seen[value] = true
	}
	for _, password := range []string{"", strings.Repeat("x", MaxPassword+1), "a\nb", "a\x00b"} {
		if value, err := sum(password); err == nil || value != "" {
			t.Errorf("%q is hashed", password)
		}
	}
}

// FuzzParse: what is parsed can be checked, and no password is right without its hash.
func FuzzParse(f *testing.F) {
	f.Add("$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1")
	f.Add("$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1")
	f.Add("$1$abcdefgh$1s0bv7.OjNizlrMAOIQD7.")
	f.Fuzz(func(t *testing.T, value string) {
		h, err := parse(value)
		if err != nil {
			return
		}
		if h.rounds > maxRounds || h.rounds < minRounds {
			t.Errorf("%q has %d rounds", value, h.rounds)
		}
		h.rounds = min(h.rounds, minRounds)
		if h.of([]byte("not this one")) {
			t.Errorf("%q is the hash of what is not hashed here", value)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		nobody().of([]byte("a password of some length"))
	}
}
