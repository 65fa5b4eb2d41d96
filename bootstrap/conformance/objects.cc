// Classes, templates, exceptions, run-time types.
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <typeinfo>

static std::string log_;
struct Trace {
    const char *name;
    explicit Trace(const char *n) : name(n) { log_ += '+'; log_ += n; }
    Trace(const Trace &o) : name(o.name) { log_ += 'c'; }
    ~Trace() { log_ += '-'; log_ += name; }
};
static Trace early("s");

struct Shape { virtual ~Shape() {} virtual double area() const = 0; int id; };
struct Named { virtual const char *name() const { return "named"; } virtual ~Named() {} };
struct Square : virtual Shape, Named { double s; Square(double x) : s(x) {} double area() const { return s * s; } };
struct Round : virtual Shape { double r; Round(double x) : r(x) {} double area() const { return 3 * r * r; } };
struct Both : Square, Round {
    Both() : Square(2), Round(1) { id = 5; }
    double area() const { return Square::area() + Round::area(); }
    const char *name() const { return "both"; }
};

template <int N> struct Factorial { enum { value = N * Factorial<N - 1>::value }; };
template <> struct Factorial<0> { enum { value = 1 }; };
template <class T> struct Kind { static const char *is() { return "other"; } };
template <class T> struct Kind<T *> { static const char *is() { return "pointer"; } };
template <class T, int N> struct Kind<T[N]> { static const char *is() { return "array"; } };
template <template <class> class F, class T> const char *through() { return F<T>::is(); }
template <class T> T most(T a, T b) { return a < b ? b : a; }
template <> const char *most(const char *a, const char *b) { return std::strcmp(a, b) < 0 ? b : a; }
template <class D> struct Counted { static int n; Counted() { ++n; } };
template <class D> int Counted<D>::n = 0;
struct Thing : Counted<Thing> {};

struct Failure : std::runtime_error { int code; Failure(int c) : std::runtime_error("failure"), code(c) {} };

static void fall(int n) throw(Failure, int)
{
    Trace t("f");
    if (n == 0) throw Failure(42);
    if (n == -1) throw 5;
    fall(n - 1);
}

struct Guarded {
    Trace t;
    Guarded() try : t("g") { throw 1; } catch (int) { log_ += '!'; }
};

struct Ends { int *count; ~Ends() { ++*count; } };

// Threads share nothing: no log.
static void sink(int n, int *ended)
{
    Ends e = { ended };
    if (n == 0) throw Failure(38);
    sink(n - 1, ended);
}

extern "C" void *in_thread(void *)
{
    int ended = 0;
    try { sink(3, &ended); } catch (const Failure &f) { return (void *)(long)(f.code + ended); }
    return 0;
}

static void *operator_new_calls;
struct Own {
    static void *operator new(size_t n) { operator_new_calls = ::operator new(n); return operator_new_calls; }
    static void operator delete(void *p) { ::operator delete(p); }
};

static char *volatile got;
static volatile size_t huge = 1UL << 62;

static void unexpected_() { throw Failure(9); }

int main()
{
    Both b;
    Shape *s = &b;
    Named *n = dynamic_cast<Named *>(s);
    std::printf("%g %s %d %d\n", s->area(), n->name(), dynamic_cast<Round *>(s)->id, typeid(*s) == typeid(Both));
    try { Shape *q = 0; (void)typeid(*q).name(); }
    catch (const std::bad_typeid &) { std::puts("bad_typeid"); }
    std::printf("%d %s %s %s\n", (int)Factorial<10>::value, Kind<int *>::is(), Kind<int[3]>::is(), through<Kind, double>());
    std::printf("%d %s %g\n", most(3, 4), most("a", "b"), most(2.5, 1.5));
    Thing one, two; (void)one; (void)two;
    std::printf("%d\n", Thing::n);
    try { Trace t("m"); fall(2); } catch (const std::exception &e) { std::printf("%s %s\n", e.what(), log_.c_str()); }
    log_ = "";
    try { try { fall(-1); } catch (...) { log_ += 'r'; throw; } } catch (int i) { std::printf("%d %s\n", i, log_.c_str()); }
    log_ = "";
    try { Guarded g; } catch (int i) { std::printf("%d %s\n", i, log_.c_str()); }
    std::set_unexpected(unexpected_);
    pthread_t threads[3];
    long sum = 0;
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], 0, in_thread, 0);
    for (int i = 0; i < 3; i++) { void *r; pthread_join(threads[i], &r); sum += (long)r; }
    std::printf("%ld\n", sum);
    Own *o = new Own;
    std::printf("%d\n", o == operator_new_calls);
    delete o;
    try { got = new char[huge]; } catch (const std::bad_alloc &) { std::puts("bad_alloc"); }
    double (Shape::*area)() const = &Shape::area;
    std::printf("%g %d\n", (s->*area)(), std::uncaught_exception());
    return 0;
}
