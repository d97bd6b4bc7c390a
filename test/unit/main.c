/*
 * main.c
 *		Runs the suites; an argument selects those whose name begins with it,
 *		another one the tests in them.
 */
#include "agent_script.h"
#include "message_vector.h"

#include <dirent.h>
#include <stdarg.h>

extern const Test suite_memory[];
extern const Test suite_json[];
extern const Test suite_fault[];
extern const Test suite_template[];
extern const Test suite_definition[];
extern const Test suite_control[];
extern const Test suite_advance[];
extern const Test suite_task[];
extern const Test suite_question[];
extern const Test suite_checkpoint[];
extern const Test suite_retry[];
extern const Test suite_policy[];
extern const Test suite_schema[];
extern const Test suite_pattern[];
extern const Test suite_form[];
extern const Test suite_policy_text[];
extern const Test suite_policy_random[];
extern const Test suite_inference[];
extern const Test suite_api[];
extern const Test suite_mail[];
extern const Test suite_turn[];
extern const Test suite_conversation[];
extern const Test suite_fork[];
extern const Test suite_branch[];
extern const Test suite_nesting[];
extern const Test suite_undo[];
extern const Test suite_migrate[];
extern const Test suite_switch[];
extern const Test suite_command[];
extern const Test suite_instant[];
extern const Test suite_sql[];
extern const Test suite_http[];
extern const Test suite_wait[];
extern const Test suite_signal[];
extern const Test suite_child[];
extern const Test suite_external[];
extern const Test suite_steps[];
extern const Test suite_course[];
extern const Test suite_agent[];
extern const Test suite_message[];

static const struct
{
	const char *name;
	const Test *tests;
} suites[] = {{"memory", suite_memory},
			  {"json", suite_json},
			  {"fault", suite_fault},
			  {"template", suite_template},
			  {"definition", suite_definition},
			  {"control", suite_control},
			  {"advance", suite_advance},
			  {"task", suite_task},
			  {"question", suite_question},
			  {"checkpoint", suite_checkpoint},
			  {"retry", suite_retry},
			  {"policy", suite_policy},
			  {"schema", suite_schema},
			  {"pattern", suite_pattern},
			  {"form", suite_form},
			  {"policy_text", suite_policy_text},
			  {"policy_random", suite_policy_random},
			  {"inference", suite_inference},
			  {"turn", suite_turn},
			  {"conversation", suite_conversation},
			  {"api", suite_api},
			  {"mail", suite_mail},
			  {"instant", suite_instant},
			  {"sql", suite_sql},
			  {"http", suite_http},
			  {"wait", suite_wait},
			  {"signal", suite_signal},
			  {"child", suite_child},
			  {"external", suite_external},
			  {"steps", suite_steps},
			  {"fork", suite_fork},
			  {"switch", suite_switch},
			  {"command", suite_command},
			  {"undo", suite_undo},
			  {"migrate", suite_migrate},
			  {"nesting", suite_nesting},
			  {"branch", suite_branch},
			  {"course", suite_course},
			  {"agent", suite_agent},
			  {"message", suite_message}};

/* Suites whose tests are the files of a folder. */
static const struct
{
	const char *name;
	const char *folder;
	void (*run)(const char *path);
} collections[] = {{"vectors", "test/vectors/agent", run_agent_vector},
				   {"messages", "test/vectors/message", run_message_vector}};

long allocations_left = -1;
static int failures; /* of the running test */
static int passed;
static int failed;

static bool is_wanted(const char *name, const char *wanted);
static void end_test(const char *suite, const char *test);
static void run_files(const char *suite, const char *folder,
					  void (*run)(const char *path), const char *wanted);
static int is_vector(const struct dirent *entry);

extern void *__real_malloc(size_t size);
extern void *__wrap_malloc(size_t size);

/*
 * Stands for malloc in all objects of this program (--wrap).
 */
void *
__wrap_malloc(size_t size)
{
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	return __real_malloc(size);
}

/*
 * Record a failed check.
 */
void
report_failure(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	failures++;
	printf("# %s:%d: ", file, line);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

int
main(int argc, char **argv)
{
	const char *suite = argc > 1 ? argv[1] : "";
	const char *wanted = argc > 2 ? argv[2] : "";
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
	{
		const Test *test;

		if (!is_wanted(suites[i].name, suite))
			continue;
		for (test = suites[i].tests; test->name != NULL; test++)
		{
			if (!is_wanted(test->name, wanted))
				continue;
			test->run();
			end_test(suites[i].name, test->name);
		}
	}
	for (i = 0; i < sizeof(collections) / sizeof(collections[0]); i++)
	{
		if (is_wanted(collections[i].name, suite))
			run_files(collections[i].name, collections[i].folder,
					  collections[i].run, wanted);
	}
	printf("1..%d\n", passed + failed);
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0 || passed == 0;
}

/*
 * Does a name begin as an argument wants it?
 */
static bool
is_wanted(const char *name, const char *wanted)
{
	return strncmp(name, wanted, strlen(wanted)) == 0;
}

/*
 * Tell how a test has gone.
 */
static void
end_test(const char *suite, const char *test)
{
	if (failures == 0)
		passed++;
	else
		failed++;
	printf("%sok %d - %s: %s\n", failures == 0 ? "" : "not ", passed + failed,
		   suite, test);
	failures = 0;
}

/*
 * Run a test for each file of a folder, in the order of their names.
 */
static void
run_files(const char *suite, const char *folder, void (*run)(const char *path),
		  const char *wanted)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_vector, alphasort);
	int i;

	if (count <= 0)
	{
		printf("Bail out! %s has no files\n", folder);
		exit(2);
	}
	for (i = 0; i < count; i++)
	{
		const char *name = entries[i]->d_name;
		char path[400];

		if (is_wanted(name, wanted))
		{
			snprintf(path, sizeof(path), "%s/%s", folder, name);
			run(path);
			end_test(suite, name);
		}
		free(entries[i]);
	}
	free(entries);
}

/*
 * Is it a file with a vector?
 */
static int
is_vector(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}
