// The library: containers, algorithms, text, streams.
#include <algorithm>
#include <bitset>
#include <complex>
#include <cstdio>
#include <deque>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <limits>
#include <list>
#include <locale>
#include <map>
#include <memory>
#include <numeric>
#include <queue>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <valarray>
#include <vector>

struct Point { int x, y; };
static std::ostream &operator<<(std::ostream &o, const Point &p) { return o << '(' << p.x << ',' << p.y << ')'; }
static std::istream &operator>>(std::istream &i, Point &p) { char c; return i >> c >> p.x >> c >> p.y >> c; }
static bool operator<(const Point &a, const Point &b) { return a.x != b.x ? a.x < b.x : a.y < b.y; }

int main()
{
    std::map<std::string, int> count;
    std::istringstream text("the cat and the dog and the bird");
    for (std::string w; text >> w;) ++count[w];
    for (std::map<std::string, int>::const_iterator i = count.begin(); i != count.end(); ++i) std::cout << i->first << '=' << i->second << ' ';
    std::cout << '\n';

    std::vector<int> v;
    for (int i = 0; i < 1000; i++) v.push_back(i * 7919 % 1009);
    std::sort(v.begin(), v.end(), std::greater<int>());
    std::cout << v[0] << ' ' << v[999] << ' ' << std::accumulate(v.begin(), v.end(), 0) << ' '
              << std::count_if(v.begin(), v.end(), std::bind2nd(std::less<int>(), 100)) << '\n';
    std::stable_partition(v.begin(), v.end(), std::bind2nd(std::modulus<int>(), 2));
    std::nth_element(v.begin(), v.begin() + 500, v.end());
    std::cout << v[500] << ' ' << *std::max_element(v.begin(), v.end()) << '\n';
    std::sort(v.begin(), v.end());

    std::list<int> l(v.begin(), v.begin() + 10);
    l.sort(); l.reverse(); l.remove_if(std::bind2nd(std::greater<int>(), 300));
    std::copy(l.begin(), l.end(), std::ostream_iterator<int>(std::cout, ","));
    std::deque<int> d(5, 1); d.push_front(9); d.insert(d.begin() + 3, 2, 8);
    std::priority_queue<int> q(d.begin(), d.end());
    std::multiset<char> m; std::string s("mississippi"); m.insert(s.begin(), s.end());
    std::cout << q.top() << ' ' << d.size() << ' ' << m.count('s') << ' ' << s.rfind("ss") << ' ' << s.substr(4).compare("issippi") << '\n';

    std::set<Point> points;
    std::istringstream in("(3,4) (1,2) (3,1) junk");
    Point p;
    while (in >> p) points.insert(p);
    std::copy(points.begin(), points.end(), std::ostream_iterator<Point>(std::cout, " "));
    std::cout << in.fail() << in.eof() << '\n';

    std::cout << std::setw(8) << std::setfill('*') << std::hex << std::showbase << 255 << ' ' << std::dec << std::setprecision(3) << std::fixed << 2.71828
              << ' ' << std::scientific << 12345.678 << ' ' << std::boolalpha << true << '\n';
    std::cout.unsetf(std::ios::floatfield); std::cout << std::setprecision(17) << 0.1 << ' ' << std::numeric_limits<double>::epsilon() << ' '
              << std::numeric_limits<long long>::max() << '\n';
    std::ostringstream o; o << std::oct << 64 << ' ' << std::uppercase << std::hex << 0xbeef;
    std::cout << o.str() << '\n';

    { std::ofstream f("scratch"); for (int i = 0; i < 3000; i++) f << i << '\n'; }
    std::ifstream f("scratch"); std::string line; int lines = 0; long sum = 0;
    while (std::getline(f, line)) { ++lines; std::istringstream n(line); int i; n >> i; sum += i; }
    std::cout << lines << ' ' << sum << ' ' << f.eof() << '\n';
    std::remove("scratch");

    std::complex<double> c(3, 4); std::valarray<double> a(2.0, 4); std::bitset<16> bits(0xF0F);
    std::cout << std::abs(c) << ' ' << c * c << ' ' << (a * a).sum() << ' ' << bits << ' ' << bits.count() << '\n';
    std::auto_ptr<Point> owned(new Point); std::auto_ptr<Point> taken(owned);
    std::cout << (owned.get() == 0) << ' ' << std::toupper('x', std::locale::classic()) << '\n';
    try { std::vector<int>().at(3); } catch (const std::out_of_range &) { std::cout << "out_of_range\n"; }
    try { std::string("x").substr(5); } catch (const std::exception &e) { std::cout << "exception\n"; }
    std::next_permutation(s.begin(), s.end()); std::wostringstream w; w << L"wide " << 7;
    std::cout << s << ' ' << w.str().size() << std::endl;
    return 0;
}
